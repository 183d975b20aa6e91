// Whole HTTP/2 connections through a worker: several streams whose plugins do what their paths say, bodies and windows in
// pieces, resets by either side at any point. Every byte that the server sends belongs to a frame that is whole and may be
// where it is; what DATA frames of a stream carry is that stream's content, each of its own; plugins see what was sent.
//
// An input is a byte of choices, then a script. Spaces and line ends in the script count for nothing, and of other bytes
// only the low bits, so that seeds are readable.
//
//   0     bits 0 and 1: the streams' windows at first (65,535, 0, 100, 1,000,000); bit 2: the connection's is large;
//         bit 3: the kernel takes few bytes of answers; bit 4: the client reads only when it has said all;
//         bit 5: what is begun is not ended
//
// The script is a sequence of letters (their low five bits), some with arguments, a byte each:
//
//   r PLUGIN KIND   a request: which plugin, and what of a body, a length, HEAD, 100-continue and TE it has
//   d STREAM SIZE   a piece of a body; with bit 4 of SIZE its end       t STREAM   trailers, which are its end
//   w STREAM SIZE   the window of a stream opens     c SIZE   that of the connection     s SIZE   those of streams to come
//   x STREAM        a stream is reset                p        PING
//   g               all that was said until now is sent, in one piece, and the worker looks at it
//   f SIZE          the first bytes of it
//   i SIZE          the client reads so many bytes
//   l               the worker is to finish          k        whatever waits is late
import Configuration
import HTTP

nonisolated(unsafe) private let server: FuzzedWorker = {
  do {
    return try FuzzedWorker { settings in
      settings.listeners[0].h2c = true
      settings.limits.body = StreamClient.bodyLimit
      // Floods are another target's.
      settings.http2.maxResetsPerSecond = 100_000
      settings.http2.maxPingsPerSecond = 100_000
      settings.http2.maxSettingsPerSecond = 100_000
      settings.http2.maxEmptyFramesPerSecond = 100_000
      settings.http2.maxWindowUpdatesPerSecond = 100_000
    }
  } catch {
    fatalError("no worker: \(error)")
  }
}()

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let client = unsafe StreamClient(server, choices.byte())
  while !choices.rest.isEmpty { client.follow(&choices) }
  client.end()
  unsafe server.endDrain()
  unsafe server.checkRest()
  client.checkClosed()
  require(SeenRequest.takeAll().isEmpty, "requests that were never sent")
  return 0
}
