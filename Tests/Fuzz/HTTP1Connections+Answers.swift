import HTTP

/// An answer as a client reads it (RFC 9112 section 6.3).
struct ReceivedAnswer {
  var interims: [UInt32] = []
  var status: UInt32 = 0
  var fields: [CopiedField] = []
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  /// It is all there.
  var isWhole = false
  /// It says that the connection ends.
  var closes = false
  /// Only the end of the connection ends it.
  var endsByClose = false
}

/// Reads answers, strictly: what is no answer is a finding.
struct AnswerReader {
  private let bytes: [UInt8]
  private(set) var position = 0
  /// Nothing more will come.
  private let isOver: Bool

  init(_ bytes: [UInt8], isOver: Bool) {
    self.bytes = bytes
    self.isOver = isOver
  }

  var isAtEnd: Bool { position == bytes.count }

  /// The next answer, whole or not; nil if nothing of one is there.
  mutating func next(toHead: Bool) -> ReceivedAnswer? {
    if isAtEnd { return nil }
    var answer = ReceivedAnswer()
    while true {
      guard let (status, fields) = readHead() else { fatalError("no head: \(shown)") }
      if status >= 200 {
        answer.status = status
        answer.fields = fields
        break
      }
      answer.interims.append(status)
      if isAtEnd { return answer }
    }
    answer.closes = answer.fields.contains {
      $0.isNamed("connection") && PlainLines.list($0.value).contains(Array("close".utf8))
    }
    let lengths = answer.fields.filter { $0.isNamed("content-length") }
    let codings = answer.fields.filter { $0.isNamed("transfer-encoding") }
    require(lengths.count + codings.count <= 1, "framed twice: \(answer.fields)")
    if toHead || answer.status == 204 || answer.status == 304 {
      answer.isWhole = true
    } else if let length = lengths.first {
      guard let count = Int(String(decoding: length.value, as: UTF8.self)) else { fatalError("no length: \(length)") }
      let end = min(bytes.count, position + count)
      answer.body = Array(bytes[position..<end])
      answer.isWhole = answer.body.count == count
      position = end
    } else if codings.isEmpty {
      answer.endsByClose = true
      answer.body = Array(bytes[position...])
      answer.isWhole = isOver
      position = bytes.count
    } else {
      readChunks(&answer)
    }
    return answer
  }

  private var shown: String { String(decoding: bytes[position...].prefix(200), as: UTF8.self) }

  private mutating func readHead() -> (UInt32, [CopiedField])? {
    var lines = PlainLines(bytes, from: position)
    guard let line = lines.line(), let fields = lines.section() else { return nil }
    position = lines.position
    let words = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
    guard words.count == 3, Array(words[0]) == Array("HTTP/1.1".utf8), words[1].count == 3,
      let status = UInt32(String(decoding: words[1], as: UTF8.self)), status >= 100
    else { return nil }
    return (status, fields)
  }

  private mutating func readChunks(_ answer: inout ReceivedAnswer) {
    while true {
      var lines = PlainLines(bytes, from: position)
      guard let line = lines.line() else {
        // Half of a size line may be all there is.
        require(bytes[position...].allSatisfy { hexValue($0) != nil || $0 == 13 }, "no chunk: \(shown)")
        position = bytes.count
        return
      }
      guard let size = Int(String(decoding: line, as: UTF8.self), radix: 16) else { fatalError("no chunk: \(shown)") }
      if size == 0 {
        guard let trailers = lines.section() else {
          position = bytes.count
          return
        }
        answer.trailers = trailers
        answer.isWhole = true
        position = lines.position
        return
      }
      let end = min(bytes.count, lines.position + size)
      answer.body += bytes[lines.position..<end]
      guard end + 2 <= bytes.count else {
        position = bytes.count
        return
      }
      require(bytes[end] == 13 && bytes[end + 1] == 10, "a chunk that does not end: \(shown)")
      position = end + 2
    }
  }
}

/// Holds what the client got and what the plugins saw against what had to come of what was sent.
struct ConnectionCheck {
  private var reader: AnswerReader
  private let isOver: Bool
  private let seen: [SeenRequest]
  private let received: [UInt8]
  private var conversationEnd = Conversation.End.idle

  init(_ received: [UInt8], isOver: Bool, _ seen: [SeenRequest]) {
    self.received = received
    self.isOver = isOver
    self.seen = seen
    reader = AnswerReader(received, isOver: isOver)
  }

  mutating func compare(_ conversation: Conversation) {
    conversationEnd = conversation.end
    for (index, request) in conversation.requests.enumerated() {
      guard index < seen.count else {
        fatalError("\(seen.count) of \(conversation.requests.count) requests were seen; answers: \(text)")
      }
      seen[index].compare(request)
      if request.end == .complete && request.isReadWhole { require(seen[index].hasEnd, "the end has not come") }
      let goesOn = compareAnswer(request)
      guard goesOn else {
        require(
          seen.count == index + 1, "\(seen.count) requests were seen, and the connection was over at \(index + 1)")
        return checkOver()
      }
    }
    require(seen.count == conversation.requests.count, "\(seen.count) requests of \(conversation.requests.count)")
    switch conversation.end {
    case .idle, .withinHead, .afterLast: checkOver()
    case .refused(let refusal, let isHead):
      guard let answer = reader.next(toHead: isHead) else { fatalError("\(refusal) without an answer") }
      require(matches(answer, .page(refusal.status), isHead: isHead), "\(answer) for \(refusal)")
      require(answer.closes && isOver, "\(refusal), and the connection is not over: \(text)")
      checkOver()
    }
  }

  private var text: String { String(decoding: received.prefix(2000), as: UTF8.self) }

  private func checkOver() { require(reader.isAtEnd, "more than was asked for: \(text)") }

  /// Reads the answer to `request`; whether another may follow on the connection.
  private mutating func compareAnswer(_ request: SentRequest) -> Bool {
    let answers = ExpectedAnswer.of(request)
    guard let answer = reader.next(toHead: request.isHead) else {
      for expected in answers {
        switch expected {
        case .none: return false
        case .cut:
          require(isOver, "neither an answer nor the end")
          return false
        case .partial: return false
        default: continue
        }
      }
      fatalError("no answer to \(request)")
    }
    let mayHint = request.letter == UInt8(ascii: "h") && !request.isBlocking
    for interim in answer.interims {
      let isWanted = interim == 100 ? request.traits.contains(.expectsContinue) : interim == 103 && mayHint
      require(isWanted, "\(interim) to \(request)")
    }
    if answer.status == 0 {
      // A 100 alone.
      require(answers.contains { if case .none = $0 { true } else { false } } || !isOver, "no answer to \(request)")
      return false
    }
    guard let expected = answers.first(where: { matches(answer, $0, isHead: request.isHead) }) else {
      fatalError("\(answer) to \(request); expected \(answers)")
    }
    if case .partial = expected { return false }
    if answer.endsByClose { return false }
    if case .refused = request.end {
      require(isOver, "refused, and the connection is not over: \(request)")
      return false
    }
    if request.end == .waiting || answer.closes {
      require(isOver || !answer.closes, "closed, and not over")
      let isKept = request.traits.contains(.keepAlive) && !request.mayEndConnection
      require(!answer.closes || !isKept, "closes without need: \(request)")
      return false
    }
    return true
  }

  private func matches(_ answer: ReceivedAnswer, _ expected: ExpectedAnswer, isHead: Bool) -> Bool {
    switch expected {
    case .none, .cut: return false
    case .page(let status):
      let page = Array("\(status) \(String(describing: ReasonPhrase.of(status)))\n".utf8)
      return answer.status == status && answer.isWhole && answer.body == (isHead ? [] : page)
    case .whole(let status, let body, let trailers):
      return answer.status == status && answer.isWhole && answer.body == (isHead ? [] : body)
        && answer.trailers.map(\.value) == trailers.map(\.value)
    case .partial(let body):
      // Where the end of the connection is the end of the body, nothing tells on a socket of this kind that it is cut.
      let isCut = isHead || !answer.isWhole || answer.endsByClose
      return answer.status == 200 && isCut && body.count >= answer.body.count
        && Array(body.prefix(answer.body.count)) == answer.body
    }
  }

  // MARK: The end

  /// The client has ended its side.
  func compareEnd(_ all: [UInt8], isOver: Bool) {
    let more = Array(all.dropFirst(received.count))
    guard !self.isOver, case .withinHead = conversationEnd else {
      require(more.isEmpty || !self.isOver, "more after the end")
      return
    }
    var reader = AnswerReader(more, isOver: isOver)
    guard let answer = reader.next(toHead: false) else {
      // The connection was over for the server, or an answer is still to come.
      return
    }
    require(answer.status == 400 && reader.isAtEnd, "\(answer) to half a head")
  }

  func checkClosed() {
    for request in seen { require(request.isClosed, "not closed: \(request.target)") }
  }
}
