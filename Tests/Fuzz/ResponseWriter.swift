// The writer of answers: whatever acts a plugin thinks of, with whatever names and values, what is accepted is written
// within the bound announced for it, and a client reads exactly what was given, and nothing else.
//
// An input is 8 bytes of choices, then the acts.
//
//   0     bit 0: HTTP/1.0; bit 1: HEAD; bit 2: TE: trailers; bit 3: keep-alive; bit 4: hints withheld; bit 5: the handler
//         returns at the end
//   1-2   hints: how many, and how large in 8-byte steps
//   3-6   the time; one byte is unused
//
// An act is a byte, of which the low three bits count:
//
//   0 informational: status - 100, fields              4 trailers: fields
//   1 head: status, trailers follow, fields            5 the answer is given up
//   2 body: length, bytes                              6 a whole answer: status, fields, length, bytes
//   3 the end                                          7 body, which ends the answer: length, bytes
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  var answer = Answer(&choices)
  var lent = LentFields()
  while !choices.rest.isEmpty { answer.act(&choices, &lent) }
  answer.finish()
  answer.compareWithReading()
  return 0
}

/// One answer as a worker gives it: the state judges, the encoder writes, and what was given is kept.
struct Answer {
  private var state: ResponseState
  private let request: RequestTraits
  private let version: HTTPVersion
  private let hints: EarlyHintPolicy
  private let handlerReturns: Bool
  /// Of the answer's Date.
  private let seconds: Int64
  private var output: [UInt8] = []
  private var isChunked = false
  private var closes: Bool
  private var given = ReadAnswer()
  private var hintsSent = 0

  init(_ choices: inout Choices) {
    let flags = choices.byte()
    version = flags & 1 != 0 ? .http10 : .http11
    var traits: RequestTraits = []
    if flags & 2 != 0 { traits.insert(.head) }
    if flags & 4 != 0 { traits.insert(.acceptsTrailers) }
    request = traits
    closes = flags & 8 == 0
    handlerReturns = flags & 32 != 0
    hints = EarlyHintPolicy(
      allowed: flags & 16 == 0, maxPerRequest: Int(choices.byte()), maxBytes: 8 * Int(choices.byte()))
    state = ResponseState(version: version, traits: traits, hints: hints)
    seconds = (0..<4).reduce(Int64(0)) { seconds, _ in seconds << 8 | Int64(choices.byte()) }
    _ = choices.byte()
  }

  // MARK: Acts

  mutating func act(_ choices: inout Choices, _ lent: inout LentFields) {
    switch choices.byte() & 7 {
    case 0:
      let status = 100 + UInt32(choices.byte())
      lent.withFields(&choices) { informational(status, $0) }
    case 1:
      let status = Answer.status(&choices)
      let trailersFollow = choices.byte() & 1 != 0
      lent.withFields(&choices) { head(status, $0, whole: nil, trailersFollow: trailersFollow) }
    case 2: body(choices.bytes(choices.number(below: 64)), ends: false)
    case 3: body(.empty, ends: true)
    case 4: lent.withFields(&choices) { trailers($0) }
    case 5: abandon()
    case 6:
      let status = Answer.status(&choices)
      let whole = choices.bytes(choices.number(below: 64))
      lent.withFields(&choices) { head(status, $0, whole: whole, trailersFollow: false) }
    default: body(choices.bytes(choices.number(below: 64)), ends: true)
    }
  }

  /// Mostly the statuses that matter to framing, else any, within its range or not.
  private static func status(_ choices: inout Choices) -> UInt32 {
    let byte = choices.byte()
    let usual: [UInt32] = [200, 204, 205, 304, 206, 404, 431, 999]
    if byte < 0x80 { return usual[Int(byte & 7)] }
    return UInt32(byte & 0x7F) << 8 | UInt32(choices.byte())
  }

  private mutating func informational(_ status: UInt32, _ fields: Fields) {
    let hadHead = state.hasHead
    let outcome = state.informational(status: status, fields: fields)
    require(!hadHead || outcome == .wrongState, "informational after the head: \(outcome)")
    guard outcome == .ok else { return }
    require((102...199).contains(status), "informational \(status)")
    hintsSent += 1
    require(hints.allowed && hintsSent <= hints.maxPerRequest, "hints beyond the limit")
    let before = output.count
    write(bound: ResponseEncoder.bound(fields: fields, fieldBytes: fieldBytes(fields))) {
      ResponseEncoder.writeInformational(status: status, fields: fields, to: &$0)
    }
    let statusLine = output[before...].prefix { $0 != 10 }.count + 1
    require(output.count - before - statusLine - 2 <= hints.maxBytes, "hints larger than the limit")
    given.informational.append(ReadHead(status: status, fields: CopiedField.all(fields)))
  }

  private mutating func head(_ status: UInt32, _ fields: Fields, whole: Bytes?, trailersFollow: Bool) {
    let hadHead = state.hasHead
    let outcome = state.judgeHead(status: status, fields: fields, whole: whole?.count)
    guard case .accepted(let verdict) = outcome else { return }
    state.takeHead(status, verdict, whole: whole?.count, trailersFollow: trailersFollow)
    require(!hadHead, "a second head")
    require((200...999).contains(status), "status \(status)")
    require(verdict.bytes == fieldBytes(fields), "\(verdict.bytes) bytes in the verdict")
    let framing = framing(status, verdict, whole)
    let connection: ResponseEncoder.ConnectionOption? = closes ? .close : version == .http10 ? .keepAlive : nil
    let head = ResponseEncoder.FinalHead(
      status: status, fields: fields, framing: framing, verdict: verdict, connection: connection)
    var date = DateField()
    date.update(seconds)
    write(bound: ResponseEncoder.bound(fields: fields, fieldBytes: verdict.bytes)) { writer in
      ResponseEncoder.write(head, date: date, to: &writer)
    }
    var expected = CopiedField.all(fields)
    let hasDate = expected.contains { $0.isNamed("date") }
    let hasServer = expected.contains { $0.isNamed("server") }
    if !hasDate { expected.insert(CopiedField("Date", Array(date.value)), at: 0) }
    if !hasServer { expected.insert(CopiedField("Server", Array("outrider".utf8)), at: 0) }
    switch framing {
    case .length(let length): expected.append(CopiedField("Content-Length", Array(String(length).utf8)))
    case .chunked: expected.append(CopiedField("Transfer-Encoding", Array("chunked".utf8)))
    case .none, .lengthGiven, .untilClose: break
    }
    if closes { expected.append(CopiedField("Connection", Array("close".utf8))) }
    if !closes && version == .http10 { expected.append(CopiedField("Connection", Array("keep-alive".utf8))) }
    given.head = ReadHead(status: status, fields: expected)
    if let whole {
      if state.bounds != .absent { send(whole) }
      given.isComplete = true
    }
  }

  /// As the workers' `ResponseFramer` decides it.
  private mutating func framing(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, _ whole: Bytes?
  ) -> ResponseEncoder.Framing {
    if verdict.contentLength != nil { return .lengthGiven }
    if status == 204 || status == 304 { return .none }
    if status == 205 { return .length(0) }
    if let whole { return .length(Int64(whole.count)) }
    if state.bounds == .absent { return .none }
    if version == .http10 {
      closes = true
      return .untilClose
    }
    isChunked = true
    return .chunked
  }

  private mutating func body(_ bytes: Bytes, ends: Bool) {
    let outcome = state.body(UInt64(bytes.count))
    require(!outcome.isAccepted || given.head != nil && !given.isComplete, "body in the wrong state")
    guard outcome.isAccepted else { return }
    if ends, state.endBody() == .invalid { return abandon() }
    if outcome == .ok { sendPart(bytes) }
    if state.isComplete { end() }
  }

  private mutating func trailers(_ fields: Fields) {
    let hadHead = state.hasHead
    let outcome = state.trailers(fields, accepted: request.contains(.acceptsTrailers))
    switch outcome {
    case .ok:
      require(isChunked && !given.isComplete, "trailers without chunks")
      write(bound: ResponseEncoder.bound(fields: fields, fieldBytes: fieldBytes(fields))) {
        ResponseEncoder.writeTrailers(fields, to: &$0)
      }
      given.trailers = CopiedField.all(fields)
      given.isComplete = true
    case .skipped: end()
    case .invalid where hadHead && state.isComplete: abandon()
    default: break
    }
  }

  private mutating func abandon() {
    state.abort()
    closes = true
  }

  private mutating func end() {
    if isChunked { output.append(ResponseEncoder.lastChunk) }
    given.isComplete = true
  }

  /// The handler returns: what it began is completed or given up.
  mutating func finish() {
    guard handlerReturns, state.hasHead, !state.isComplete else { return }
    switch state.trailers(.none, accepted: false) {
    case .ok, .skipped: end()
    default: abandon()
    }
  }

  // MARK: Writing

  /// Writes into memory that is exactly as large as announced.
  private mutating func write(bound: Int, _ content: (inout ByteWriter) -> Void) {
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bound)
    defer { unsafe memory.deallocate() }
    var writer = unsafe ByteWriter(base: memory, capacity: bound)
    content(&writer)
    unsafe output.append(Bytes(base: memory, count: writer.count))
  }

  private mutating func sendPart(_ bytes: Bytes) {
    if isChunked && !bytes.isEmpty {
      write(bound: ResponseEncoder.chunkHeadBound) {
        ResponseEncoder.writeChunkHead(UInt64(bytes.count), to: &$0)
      }
    }
    send(bytes)
    if isChunked && !bytes.isEmpty { output.append(ResponseEncoder.chunkEnd) }
  }

  private mutating func send(_ bytes: Bytes) {
    output.append(bytes)
    given.body.append(bytes)
  }

  private func fieldBytes(_ fields: Fields) -> Int {
    (0..<fields.count).reduce(0) { $0 + fields[$1].name.count + fields[$1].value.count }
  }

  // MARK: What a client makes of it

  func compareWithReading() {
    var client = ResponseReader(output, isHead: request.contains(.head))
    let read = client.read()
    var expected = given
    // Where the close is the end, a client can't tell whether it came too early.
    if read.endsByClose {
      expected.isComplete = true
      expected.endsByClose = true
    }
    // Nor is an answer incomplete whose body was all there before it was given up.
    if !expected.isComplete && read.isComplete {
      require(state.bounds == .absent || state.bounds == .remaining(0), "complete before its end")
      expected.isComplete = true
    }
    require(read.isComplete || closes || !state.isComplete, "ended too early, and the client waits for more")
    require(
      read == expected, "read \(read), given \(expected), on the wire \(output.withView { $0.escaped(limit: 4000) })")
  }
}
