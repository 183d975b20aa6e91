// Whole HTTP/1 connections through a worker: what plugins see is the sequence of requests that the bytes are, read alone
// and in one piece; each is answered as its plugin means it; after a refusal nothing more is served, and no byte of a
// refused message is part of another request.
//
// An input is 5 bytes of choices, then what the client sends, as it is but for bytes above ASCII: each of those is short
// for a run of bytes. Only the low bits of the choices count, so that seeds are readable.
//
//   0     bit 0: all bytes are there before the worker looks; bit 1: the client reads only when it has sent all;
//         bit 2: the kernel takes few bytes of answers; bit 3: the client ends its side, and waits for the server's
//   1-4   lengths of pieces in which the bytes arrive
//
// What is short for what, by the high half of the byte; the low half chooses which (see ClientScript):
//
//   8 a head with a chunked body to come   9 a chunk   A a size line with a long extension   B the last chunk
//   C a request without body   D something malformed   E a request with a body of known length   F bytes of a body
//
// What the plugins do with a request is said by its path: the first letter, or, below "/b/", in the blocking style, the
// letter after that; see EventPlugin and BlockingPlugin. Limits are small, so that mutations reach them.
import Configuration
import HTTP

/// As small as makes sense: the worker's own, by which the model judges as well.
enum Limits {
  static let drain = 200

  static let all: RequestLimits = {
    var limits = RequestLimits()
    limits.requestLine = 100
    limits.fieldSize = 120
    limits.fields = 8
    limits.head = 500
    limits.body = 300
    limits.chunkExtension = 16
    return limits
  }()

  static func apply(_ settings: inout Settings) {
    settings.limits.requestLine = all.requestLine
    settings.limits.fieldSize = all.fieldSize
    settings.limits.fields = all.fields
    settings.limits.head = all.head
    settings.limits.body = Int(all.body)
    settings.limits.chunkExtension = all.chunkExtension
    settings.limits.drain = drain
    settings.limits.output = 64 << 10
  }
}

nonisolated(unsafe) private let server: FuzzedWorker = {
  do { return try FuzzedWorker(Limits.apply) } catch { fatalError("no worker: \(error)") }
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let flags = choices.byte()
  let pieces = Arrival(&choices, moving: false)
  let sent = ClientScript(choices.rest).bytes
  let client = unsafe Client(server, capacity: flags & 4 != 0 ? 4096 : 0)
  var come = 0
  for count in (flags & 1 != 0 ? .whole : pieces).counts(sent.count) {
    if !client.send(sent[come..<count]) { break }
    come = count
    unsafe server.run()
    if flags & 2 == 0 { client.read() }
  }
  client.settle()
  unsafe server.endPauses()
  client.settle()
  var check = ConnectionCheck(client.received, isOver: client.isOver, SeenRequest.takeAll())
  check.compare(Conversation(sent))
  if flags & 8 != 0 {
    client.endSending()
    client.settle()
    check.compareEnd(client.received, isOver: client.isOver)
  }
  client.close()
  unsafe server.checkRest()
  check.checkClosed()
  require(SeenRequest.takeAll().isEmpty, "requests that were never sent")
  return 0
}
