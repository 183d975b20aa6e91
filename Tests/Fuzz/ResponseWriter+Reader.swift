import HTTP

/// A head as a client reads it.
struct ReadHead: Equatable {
  var status: UInt32
  var fields: [CopiedField]
}

/// All that a client reads of one answer.
struct ReadAnswer: Equatable {
  var informational: [ReadHead] = []
  var head: ReadHead?
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var isComplete = false
  var endsByClose = false
}

/// A strict client: it reads the answer to one request, and takes nothing that is not one to the last byte.
struct ResponseReader {
  private let bytes: [UInt8]
  private let isHead: Bool
  private var lines: PlainLines
  private var answer = ReadAnswer()

  init(_ bytes: [UInt8], isHead: Bool) {
    self.bytes = bytes
    self.isHead = isHead
    lines = PlainLines(bytes)
  }

  /// The answer, of which the end may be missing, but nothing within a head.
  mutating func read() -> ReadAnswer {
    while lines.position < bytes.count {
      let head = head()
      if head.status < 200 {
        answer.informational.append(head)
      } else {
        answer.head = head
        body(of: head)
        break
      }
    }
    if answer.isComplete {
      require(lines.position == bytes.count, "\(bytes.count - lines.position) bytes behind the answer")
    }
    return answer
  }

  private mutating func head() -> ReadHead {
    guard let line = lines.line() else { fatalError("no status line") }
    let words = line.split(separator: 32, maxSplits: 2, omittingEmptySubsequences: false)
    require(words.count == 3, "\(words.count) words in the status line")
    require(Array(words[0]) == Array("HTTP/1.1".utf8), "version")
    require(words[1].count == 3 && words[1].allSatisfy { (48...57).contains($0) }, "status")
    require(words[2].allSatisfy(PlainLines.isText), "reason")
    guard let fields = lines.section() else { fatalError("malformed fields") }
    return ReadHead(status: words[1].reduce(0) { $0 * 10 + UInt32($1 - 48) }, fields: fields)
  }

  /// RFC 9112 section 6.3.
  private mutating func body(of head: ReadHead) {
    let lengths = head.fields.filter { $0.isNamed("content-length") }
    let codings = head.fields.filter { $0.isNamed("transfer-encoding") }
    require(lengths.count + codings.count <= 1, "framed twice")
    require(codings.allSatisfy { $0.value == Array("chunked".utf8) }, "coding")
    require(head.status != 204 || lengths.isEmpty && codings.isEmpty, "204 with a length (RFC 9110 section 8.6)")
    if isHead || head.status == 204 || head.status == 304 {
      answer.isComplete = true
    } else if !codings.isEmpty {
      chunks()
    } else if let field = lengths.first {
      guard let length = Int(String(decoding: field.value, as: UTF8.self)), field.value[0] != 43 else {
        fatalError("Content-Length")
      }
      fixed(length)
    } else {
      fixed(bytes.count - lines.position)
      answer.endsByClose = true
    }
  }

  private mutating func fixed(_ length: Int) {
    let available = min(length, bytes.count - lines.position)
    answer.body = Array(bytes[lines.position..<lines.position + available])
    lines = PlainLines(bytes, from: lines.position + available)
    answer.isComplete = available == length
  }

  /// Chunks come whole; only the last may be missing.
  private mutating func chunks() {
    while lines.position < bytes.count {
      guard let line = lines.line() else { fatalError("no chunk size") }
      require(!line.isEmpty && line.allSatisfy { hexValue($0) != nil }, "chunk size")
      let size = line.reduce(0) { $0 * 16 + Int(hexValue($1) ?? 0) }
      if size == 0 {
        guard let trailers = lines.section() else { fatalError("malformed trailers") }
        answer.trailers = trailers
        answer.isComplete = true
        return
      }
      guard let block = lines.block(size) else { fatalError("chunk without its end") }
      answer.body += block
    }
  }
}
