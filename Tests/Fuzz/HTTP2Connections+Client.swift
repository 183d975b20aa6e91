import HTTP

/// A stream as the client has it.
final class ClientStream {
  let id: Int32
  var request: SentRequest
  /// The length that the head has told.
  let length: Int?
  /// All of the request is on its way.
  var hasEnded = false
  var isReset = false
  /// The request is not what its head says, or came when nobody need take it: what it is answered with is open.
  var isOpenToChance = false
  /// The most that the server may have sent.
  var credit: Int
  var answer = StreamAnswer()

  init(_ id: Int32, _ request: SentRequest, length: Int?, credit: Int) {
    self.id = id
    self.request = request
    self.length = length
    self.credit = credit
  }
}

/// Follows a script: says what a client says, and holds what it hears against what has to come.
final class StreamClient {
  static let bodyLimit = 20_000
  private static let mostStreams = 24
  /// What a stream may bring before the server has read any of it.
  private static let mostBody = 60_000

  private let server: FuzzedWorker
  private let client: Client
  private let compressor = Compressor()
  private var reader = FrameReader()
  private var streams: [ClientStream] = []
  private var seen: [SeenRequest] = []
  private var unsent: [UInt8] = []
  private var initialWindow: Int
  private var connectionCredit = 65_535
  private let readsLate: Bool
  private let leavesOpen: Bool
  private var isLate = false
  private var isDraining = false

  init(_ server: FuzzedWorker, _ choice: UInt8) {
    self.server = server
    initialWindow = [65_535, 0, 100, 1_000_000][Int(choice & 3)]
    readsLate = choice & 16 != 0
    leavesOpen = choice & 32 != 0
    client = Client(server, capacity: choice & 8 != 0 ? 4096 : 0)
    unsent += Array(Bytes(HTTP2Session.preface))
    saySettings()
    if choice & 4 != 0 { openConnection(1 << 24) }
  }

  // MARK: The script

  func follow(_ choices: inout Choices) {
    let letter = choices.byte()
    if letter == 32 || letter == 10 { return }
    switch letter & 31 {
    case 18: request(choices.byte(), choices.byte())
    case 4: if let stream = stream(choices.byte()) { sendBody(stream, choices.byte()) }
    case 20: if let stream = stream(choices.byte()) { sendTrailers(stream) }
    case 23: if let stream = stream(choices.byte()) { open(stream, StreamClient.size(choices.byte())) }
    case 3: openConnection(StreamClient.size(choices.byte()))
    case 19:
      initialWindow = min(StreamClient.size(choices.byte()), 1_000_000)
      saySettings()
    case 24: if let stream = stream(choices.byte()) { reset(stream) }
    case 16: unsent += Frame.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7, 8])
    case 7: go(unsent.count)
    case 6: go(StreamClient.size(choices.byte()))
    case 9: take(StreamClient.size(choices.byte()))
    case 12:
      isDraining = true
      server.drain()
    case 11:
      go(unsent.count)
      isLate = true
      server.passTime()
    default: break
    }
  }

  private static func size(_ choice: UInt8) -> Int {
    [0, 1, 10, 100, 1000, 5000, 9000, 16_384, 16_385, 20_000, 30_000, 65_535, 100_000, 200_000, 500_000, 1_000_000][
      Int(choice & 15)]
  }

  private func stream(_ choice: UInt8) -> ClientStream? {
    streams.isEmpty ? nil : streams[Int(choice & 31) % streams.count]
  }

  /// Sends the first bytes of what was said, and lets the worker look at them.
  private func go(_ count: Int) {
    let count = min(count, unsent.count)
    client.send(unsent[..<count])
    unsent.removeFirst(count)
    server.run()
    if !readsLate { take(.max) }
  }

  private func take(_ limit: Int) {
    client.read(limit)
    listen()
  }

  /// Reads the frames that have come whole, and answers those that want it.
  private func listen() {
    for frame in reader.take(client.received) {
      if let answer = frame.acknowledgement { unsent += answer }
      hear(frame)
    }
  }

  // MARK: Saying

  private func saySettings() {
    unsent += Frame.frame(4, 0, 0, [0, 4] + StreamClient.number(initialWindow))
    // What a change takes away may have been used before.
    for stream in streams { stream.credit += initialWindow }
  }

  private static func number(_ value: Int) -> [UInt8] {
    (0..<4).map { UInt8(truncatingIfNeeded: value >> (24 - 8 * $0)) }
  }

  private func openConnection(_ size: Int) {
    // No window may be opened by nothing.
    let size = max(size, 1)
    connectionCredit += size
    unsent += Frame.frame(8, 0, 0, StreamClient.number(size)[...])
  }

  private func open(_ stream: ClientStream, _ size: Int) {
    let size = max(size, 1)
    stream.credit += size
    unsent += Frame.frame(8, 0, stream.id, StreamClient.number(size)[...])
  }

  private func request(_ plugin: UInt8, _ kind: UInt8) {
    guard streams.count < StreamClient.mostStreams else { return }
    let id = Int32(2 * streams.count + 1)
    let letters = Array("erspdlwqbhtzakxyneriopsxkb".utf8)
    let index = Int(plugin & 31) % letters.count
    let isBlocking = index >= 17
    let target = Array("/\(isBlocking ? "b/" : "")\(Character(Unicode.Scalar(letters[index])))?\(id)".utf8)
    var (method, traits): (String, RequestTraits) = ("POST", .keepAlive)
    var fields = [CopiedField("host", Array("host-\(id).example".utf8))]
    var length: Int?
    let hasBody = kind & 3 != 0
    if kind & 3 == 2 {
      length = 100
      fields.append(CopiedField("content-length", Array("100".utf8)))
    }
    if kind & 4 != 0 {
      method = "HEAD"
      traits.insert(.head)
    }
    if kind & 8 != 0 && hasBody {
      traits.insert(.expectsContinue)
      fields.append(CopiedField("expect", Array("100-continue".utf8)))
    }
    if kind & 16 != 0 {
      traits.insert(.acceptsTrailers)
      fields.append(CopiedField("te", Array("trailers".utf8)))
    }
    fields.append(CopiedField("x-secret", Content.of(target, 40)))
    let path = Array(target.prefix { $0 != UInt8(ascii: "?") })
    var request = SentRequest(
      method: Array(method.utf8), target: target, path: path, query: Array("\(id)".utf8), authority: fields[0].value,
      fields: fields, version: .http2, traits: traits)
    if !hasBody { request.end = .complete }
    let stream = ClientStream(id, request, length: length, credit: initialWindow)
    stream.hasEnded = !hasBody
    stream.isOpenToChance = isDraining
    streams.append(stream)
    var block = FieldBlock(stream: id, isTrailers: false)
    block.fields =
      [
        CopiedField(":method", request.method), CopiedField(":scheme", Array("http".utf8)),
        CopiedField(":path", target), CopiedField(":authority", request.authority),
      ] + fields.dropFirst()
    block.isUncompressed = block.fields.map { _ in false }
    unsent += Frame.headers(
      id, compressor.compress(block), ends: !hasBody, first: 100, continuations: Int(kind >> 5) & 1)
  }

  private func sendBody(_ stream: ClientStream, _ choice: UInt8) {
    let count = min(StreamClient.size(choice & 15), 16_384)
    sendBody(stream, count, ends: choice & 16 != 0)
  }

  private func sendBody(_ stream: ClientStream, _ count: Int, ends: Bool) {
    guard !stream.hasEnded && !stream.isReset, stream.request.body.count + count <= StreamClient.mostBody else {
      return
    }
    let bytes = Content.of(Array("body of \(stream.id)".utf8), count, from: stream.request.body.count)
    stream.request.body += bytes
    unsent += Frame.frame(0, ends ? 1 : 0, stream.id, bytes[...])
    if stream.request.body.count > StreamClient.bodyLimit { stream.request.end = .refused(.bodyTooLarge) }
    if ends { end(stream) }
    if let length = stream.length, stream.request.body.count > length { stream.isOpenToChance = true }
  }

  private func sendTrailers(_ stream: ClientStream) {
    guard !stream.hasEnded && !stream.isReset else { return }
    var block = FieldBlock(stream: stream.id, isTrailers: true)
    block.fields = [CopiedField("x-trailer", Content.of(stream.request.target, 30))]
    block.isUncompressed = [false]
    stream.request.trailers = block.fields
    unsent += Frame.headers(stream.id, compressor.compress(block), ends: true, first: 0, continuations: 0)
    end(stream)
  }

  private func end(_ stream: ClientStream) {
    stream.hasEnded = true
    if let length = stream.length, stream.request.body.count != length { stream.isOpenToChance = true }
    if case .waiting = stream.request.end { stream.request.end = .complete }
  }

  private func reset(_ stream: ClientStream) {
    guard !stream.isReset else { return }
    stream.isReset = true
    unsent += Frame.frame(3, 0, stream.id, [0, 0, 0, 8])
  }

  // MARK: The end

  func end() {
    go(unsent.count)
    if !leavesOpen {
      for stream in streams where !stream.hasEnded && !stream.isReset {
        sendBody(stream, max(0, (stream.length ?? 0) - stream.request.body.count), ends: true)
        // Not if it has brought too much already.
        if !stream.hasEnded { sendTrailers(stream) }
      }
      openConnection(1 << 28)
      for stream in streams { open(stream, 1 << 28) }
      go(unsent.count)
    }
    settle()
    checkRest()
    seen = SeenRequest.takeAll()
    checkSeen()
    if !leavesOpen { for stream in streams { check(stream) } }
    client.close()
    reader.free()
  }

  private func settle() {
    var before = -1
    while before != client.received.count || !unsent.isEmpty {
      before = client.received.count
      go(unsent.count)
      client.settle()
      listen()
      if client.isOver { return }
    }
  }

  func checkClosed() { for request in seen { require(request.isClosed, "not closed: \(request.target)") } }

  /// Whatever the server has to say has come, and it is whole frames.
  private func checkRest() {
    // A client that takes nothing for long enough is cut off wherever that is.
    require(reader.rest.isEmpty || isLate && client.isOver, "half a frame: \(reader.rest.prefix(64))")
    let mayEnd = isLate || isDraining || streams.contains { $0.isOpenToChance }
    require(mayEnd || !client.isOver, "the connection is over")
    require(mayEnd || reader.goaway == nil, "GOAWAY \(String(describing: reader.goaway))")
  }

  private func checkSeen() {
    for request in seen {
      guard let stream = streams.first(where: { $0.request.target == request.target }) else {
        fatalError("a request that was never sent: \(request.target)")
      }
      require(seen.count { $0.target == request.target } == 1, "seen twice: \(request.target)")
      var sent = stream.request
      // What was said after a reset, or more than is taken, may not have been given on as it was.
      if stream.isReset || stream.isOpenToChance { sent.trailers = request.trailers }
      if request.hasEnd && (stream.isReset || stream.isOpenToChance) && sent.end != .complete { continue }
      request.compare(sent)
    }
  }

  private func check(_ stream: ClientStream) {
    let answer = stream.answer
    if stream.isReset || stream.isOpenToChance || isLate || isDraining { return }
    let wasSeen = seen.contains { $0.target == stream.request.target }
    let isRefused = if case .refused = stream.request.end { true } else { false }
    require(wasSeen || isRefused, "stream \(stream.id) was not seen")
    var answers = ExpectedAnswer.of(stream.request)
    // The refusal may have been there before the plugin, or before it could read.
    if case .refused(let refusal) = stream.request.end {
      answers.append(.page(refusal.status))
      answers.append(.partial(longest(stream)))
    }
    require(
      answers.contains { matches(stream, answer, $0) },
      "stream \(stream.id): \(answer.shown); expected \(answers.map(shown))")
  }

  private func shown(_ answer: ExpectedAnswer) -> String {
    switch answer {
    case .whole(let status, let body, let trailers): "whole \(status), \(body.count) bytes, \(trailers.count) trailers"
    case .partial(let body): "part of \(body.count) bytes"
    default: "\(answer)"
    }
  }

  private func matches(_ stream: ClientStream, _ answer: StreamAnswer, _ expected: ExpectedAnswer) -> Bool {
    let isHead = stream.request.isHead
    switch expected {
    case .none: return answer.status == 0 && answer.resetCode == nil
    case .cut: return answer.status == 0 && answer.resetCode != nil
    case .page(let status):
      let page = Array("\(status) \(String(describing: ReasonPhrase.of(status)))\n".utf8)
      return answer.status == status && answer.hasEnded && answer.body == (isHead ? [] : page)
    case .whole(let status, let body, let trailers):
      return answer.status == status && answer.hasEnded && answer.body == (isHead ? [] : body)
        && answer.trailers == trailers
    case .partial(let body):
      let isCut = isHead || answer.resetCode != nil || stream.request.end == .waiting
      return (answer.status == 200 || answer.status == 0) && isCut
        && Array(body.prefix(answer.body.count)) == answer.body
    }
  }

  // MARK: Hearing

  /// All that may ever be sent as the stream's content.
  private func longest(_ stream: ClientStream) -> [UInt8] {
    let letter = stream.request.letter
    let isEcho = letter == UInt8(ascii: "e") || letter == UInt8(ascii: "s") && !stream.request.isBlocking
    return isEcho ? stream.request.body : Content.of(stream.request.target, max(Content.big, 1 << 20))
  }

  private func hear(_ frame: HeardFrame) {
    guard frame.stream != 0 else { return }
    guard let stream = streams.first(where: { $0.id == frame.stream }) else {
      fatalError("a frame of kind \(frame.kind) on stream \(frame.stream)")
    }
    let answer = stream.answer
    switch frame.content {
    case .head(let fields, let ends):
      require(!answer.isOver, "HEADERS after the end of \(stream.id)")
      stream.answer.take(fields, ends: ends, stream)
    case .data(let bytes, let size, let ends):
      require(answer.status >= 200 && !answer.isOver, "DATA on stream \(stream.id), where none may be")
      stream.answer.body += bytes
      stream.answer.hasEnded = ends
      stream.credit -= size
      connectionCredit -= size
      require(stream.credit >= 0 && connectionCredit >= 0, "more than the window of \(stream.id) is open")
      checkContent(stream, bytes.count)
    case .reset(let code):
      // Frames that come for a stream after its reset may be answered by another (RFC 9113 section 5.4.2).
      if answer.resetCode == nil { stream.answer.resetCode = code }
    case .other: break
    }
  }

  /// The last bytes that came are its own.
  private func checkContent(_ stream: ClientStream, _ count: Int) {
    let answer = stream.answer
    let start = answer.body.count - count
    let bytes = answer.body[start...]
    if answer.status >= 400 {
      let page = Array("\(answer.status) \(String(describing: ReasonPhrase.of(answer.status)))\n".utf8)
      require(page.count >= answer.body.count && page[start..<answer.body.count] == bytes, "no page: \(answer.body)")
      return
    }
    let letter = stream.request.letter
    let isEcho = letter == UInt8(ascii: "e") || letter == UInt8(ascii: "s") && !stream.request.isBlocking
    let wanted =
      isEcho
      ? Array(stream.request.body.dropFirst(start).prefix(count))
      : Content.of(stream.request.target, count, from: start)
    require(
      Array(bytes) == wanted,
      "foreign bytes on stream \(stream.id): \(String(decoding: bytes.prefix(200), as: UTF8.self))")
  }
}

/// What has come of an answer.
struct StreamAnswer {
  var interims: [UInt32] = []
  var status: UInt32 = 0
  var fields: [CopiedField] = []
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var hasEnded = false
  var resetCode: UInt32?

  var isOver: Bool { hasEnded || resetCode != nil }

  var shown: String {
    "status \(status), \(body.count) bytes, \(trailers.count) trailers, ended \(hasEnded), reset \(String(describing: resetCode))"
  }

  mutating func take(_ fields: [CopiedField], ends: Bool, _ stream: ClientStream) {
    if status >= 200 {
      require(ends && !fields.contains { $0.name.first == UInt8(ascii: ":") }, "no trailers: \(fields)")
      trailers = fields
      hasEnded = true
      return
    }
    guard let first = fields.first, first.isNamed(":status"),
      let status = UInt32(String(decoding: first.value, as: UTF8.self))
    else { fatalError("no status: \(fields)") }
    if status < 200 {
      let isWanted =
        status == 100
        ? stream.request.traits.contains(.expectsContinue) : status == 103 && stream.request.letter == UInt8(ascii: "h")
      require(isWanted && !ends, "\(status) on stream \(stream.id)")
      interims.append(status)
      return
    }
    self.status = status
    self.fields = fields
    hasEnded = ends
  }
}
