// Heads and trailers of HTTP/2: field lists, valid and nearly so, of all sizes around each capacity and limit, compressed
// and split into frames at will, on streams whose readers are used again as the server uses them again. What the readers
// make of them is what a plain model makes of the same lists; what stands in a head stays there while others are read.
//
// An input is 5 bytes of choices, then a script. Only the low bits of the choices count, and spaces and line ends in the
// script count for nothing, so that seeds are readable.
//
//   0     bits 0 and 1: limits (the defaults, small, tiny, a head of 5,000 bytes); bits 2 and 3: underscores;
//         bit 4: a header list of 2,000 bytes
//   1-4   lengths of pieces in which the frames arrive
//
// The script is a sequence of letters (their low five bits), some with arguments, a byte each:
//
//   m METHOD   s SCHEME   p PATH   a AUTHORITY   h HOST: a field with one of the values of that kind, or one of a length
//   g          the usual :method, :scheme, :path and :authority    i: with Host instead of :authority
//   c LENGTH   a crumb of a cookie                                 j DELTA: one by which the cookie reaches its limit
//   f NAME LENGTH   a field        k WHICH   one that means something, or is malformed      d WHICH   one for the table
//   l TARGET DELTA  a field by which the block reaches a capacity or limit and so many bytes more or less
//   o DELTA    a :path by which the request line does             n DELTA: fields by which their number does
//   r          the next field is not compressed                   z SIZE: another size of the compressor's table
//   x FIRST COUNT   in how many CONTINUATION frames the block goes on, and how much stands before them
//   e          the block ends, and the stream with it             b: the block ends, and a body is to come
//   u          what follows are the trailers of the oldest stream that waits for a body
//   w          all that can be answered is answered, and closed
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let rules = HeadRules(choices.byte())
  let client = HeadsClient(rules, Arrival(&choices, moving: false))
  while !choices.rest.isEmpty && !client.isOver { client.follow(&choices) }
  client.end()
  return 0
}

/// What is chosen for all streams.
struct HeadRules {
  let limits: RequestLimits
  let underscores: UnderscoreFields
  let settings: HTTP2Settings

  init(_ choice: UInt8) {
    var limits = RequestLimits()
    switch choice & 3 {
    case 1: (limits.requestLine, limits.fieldSize, limits.fields, limits.head) = (300, 600, 8, 2048)
    case 2: (limits.requestLine, limits.fieldSize, limits.fields, limits.head) = (20, 60, 3, 200)
    case 3: (limits.requestLine, limits.fieldSize, limits.fields, limits.head) = (4000, 4900, 40, 5000)
    default: break
    }
    var settings = HTTP2Settings()
    if choice & 16 != 0 { settings.maxHeaderListSize = 2000 }
    self.limits = limits
    self.settings = settings
    underscores = [.drop, .refuse, .pass, .drop][Int(choice >> 2 & 3)]
  }
}

/// Follows a script: it makes blocks of fields, and tells the server what it sends.
final class HeadsClient {
  private let rules: HeadRules
  private let arrival: Arrival
  private let server: HeadsServer
  private let compressor = Compressor()
  private var nextStream: Int32 = 1
  /// Streams whose body is to come.
  private var waiting: [Int32] = []
  private var block = FieldBlock(stream: 1, isTrailers: false)
  private var isUncompressed = false
  private var split: (first: UInt8, count: UInt8) = (255, 0)

  /// The longest block that is made, uncompressed: somewhat more than the largest header list.
  private static let longest = 80_000
  private static let mostFields = 220
  private static let mostStreams: Int32 = 48

  init(_ rules: HeadRules, _ arrival: Arrival) {
    self.rules = rules
    self.arrival = arrival
    server = HeadsServer(rules)
    server.receive(Frame.preface, .whole)
  }

  var isOver: Bool { server.fault != nil || nextStream / 2 >= HeadsClient.mostStreams }

  func end() {
    if server.fault == nil { server.answerAll() }
    server.leave()
  }

  func follow(_ choices: inout Choices) {
    let letter = choices.byte()
    if letter == 32 || letter == 10 { return }
    switch letter & 31 {
    case 13: add(":method", FieldValues.method(choices.byte(), block))
    case 19: add(":scheme", FieldValues.scheme(choices.byte()))
    case 16: add(":path", FieldValues.path(choices.byte(), block))
    case 1: add(":authority", FieldValues.authority(choices.byte(), block))
    case 8: add("host", FieldValues.authority(choices.byte(), block))
    case 7: addUsual(withHost: false)
    case 9: addUsual(withHost: true)
    case 3: add("cookie", block.text(FieldValues.length(choices.byte())))
    case 10: addCrumb(choices.byte())
    case 6: addField(choices.byte(), choices.byte())
    case 11:
      let field = FieldValues.meaning(choices.byte())
      add(field.name, field.value)
    case 4: add("x-same", FieldValues.forTheTable(choices.byte()))
    case 12: fill(choices.byte(), FieldValues.delta(choices.byte()))
    case 15: add(":path", block.path(rules.limits.requestLine + FieldValues.delta(choices.byte())))
    case 14: addMany(FieldValues.delta(choices.byte()))
    case 18: isUncompressed = true
    case 26: compressor.tableSize = Int(choices.byte() & 63) * 65
    case 24: split = (choices.byte(), choices.byte())
    case 5: send(ends: true)
    case 2: send(ends: false)
    case 21: beginTrailers()
    // Trailers of a stream that is over would be another matter.
    case 23 where !block.isTrailers: server.answerAll()
    default: break
    }
  }

  // MARK: Fields

  private func add(_ name: StaticString, _ value: [UInt8]) { add(Array(Bytes(name)), value) }

  private func add(_ name: [UInt8], _ value: [UInt8]) {
    guard block.listSize + name.count + value.count < HeadsClient.longest, block.fields.count < HeadsClient.mostFields
    else { return }
    block.fields.append(CopiedField(name: name, value: value))
    block.isUncompressed.append(isUncompressed)
    isUncompressed = false
  }

  private func addUsual(withHost: Bool) {
    add(":method", Array("GET".utf8))
    add(":scheme", Array("http".utf8))
    add(":path", block.path(24))
    let authority = Array("host-\(block.stream).example".utf8)
    if withHost { add("host", authority) } else { add(":authority", authority) }
  }

  private func addField(_ name: UInt8, _ length: UInt8) {
    let names: [StaticString] = [
      "x", "accept", "user-agent", "x-request-id", "authorization", "priority", "x-under_score", "referer",
    ]
    add(names[Int(name & 7)], block.text(FieldValues.length(length)))
  }

  /// A crumb with which the whole cookie is as long as a field may be, and some bytes more or less.
  private func addCrumb(_ choice: UInt8) {
    let present = block.fields.filter { $0.isNamed("cookie") }.reduce(0) { $0 + $1.value.count + 2 }
    let wanted = rules.limits.fieldSize - "cookie: ".utf8.count - present + FieldValues.delta(choice)
    add("cookie", block.text(min(max(wanted, 0), rules.limits.fieldSize)))
  }

  private func addMany(_ delta: Int) {
    let lines = block.fields.count { $0.name.first != UInt8(ascii: ":") }
    let wanted = rules.limits.fields + delta % 3 - lines
    if wanted > 0 { for _ in 0..<wanted { add("y", block.text(3)) } }
  }

  /// A field with which something reaches what it is held against.
  private func fill(_ target: UInt8, _ delta: Int) {
    let name = Array("x-fill".utf8)
    let wanted: Int
    switch target & 15 {
    case 8: wanted = rules.limits.head - block.headSize - 4
    case 9: wanted = rules.limits.fieldSize - 2
    case 10: wanted = Int(rules.settings.maxHeaderListSize) - block.listSize - 32
    // What a reader may have room for.
    case let step: wanted = 256 << Int(step % 9) - block.copied
    }
    let length = wanted - name.count + delta
    if length < 65_000 { add(name, block.text(max(length, 0))) }
  }

  // MARK: Blocks

  private func beginTrailers() {
    guard !block.isTrailers else { return }
    while let stream = waiting.first {
      if server.isOpen(stream) {
        block = FieldBlock(stream: stream, isTrailers: true)
        return
      }
      waiting.removeFirst()
    }
  }

  private func send(ends: Bool) {
    let sent = block
    let ends = ends || sent.isTrailers
    let bytes = Frame.headers(
      sent.stream, compressor.compress(sent), ends: ends, first: Int(split.first), continuations: Int(split.count % 8))
    server.take(sent, ends: ends, bytes, arrival)
    if sent.isTrailers {
      waiting.removeFirst()
    } else {
      if !ends { waiting.append(sent.stream) }
      nextStream += 2
    }
    block = FieldBlock(stream: nextStream, isTrailers: false)
    isUncompressed = false
    split = (255, 0)
  }
}
