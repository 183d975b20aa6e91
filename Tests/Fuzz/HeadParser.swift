// The request head parser: a head is read alike however its bytes come; what is accepted, a plain reader of lines reads
// alike; and written again, it is read again. Paths of accepted heads go through the decoder of paths.
//
// An input is 13 bytes of choices, then the head. Only the low bits of the choices count, so that seeds are readable.
//
//   0     bits 0 and 1: underscores; bit 2: the limits below instead of the defaults; bit 3: the buffer moves
//   1-4   lengths of pieces
//   5-12  limits: request line, field size, number of fields, head (in 4-byte steps); four bytes are unused
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let flags = choices.byte()
  let pieces = Arrival(&choices, moving: flags & 8 != 0)
  var reader = HeadReader()
  reader.underscores = [.drop, .refuse, .pass, .drop][Int(flags & 3)]
  let wanted = choices.bytes(8)
  if flags & 4 != 0 && wanted.count == 8 {
    reader.limits.requestLine = 1 + Int(wanted[0])
    reader.limits.fieldSize = 1 + Int(wanted[1])
    reader.limits.fields = 1 + Int(wanted[2] % 16)
    reader.limits.head = 1 + 4 * Int(wanted[3])
  }
  let outcome = reader.read(choices.rest, .whole)
  for arrival in [.byteByByte, pieces] {
    let other = reader.read(choices.rest, arrival)
    require(other == outcome, "\(arrival): \(other), whole: \(outcome)")
  }
  guard case .complete(let length, let head) = outcome else { return 0 }
  reader.compareWithPlainReading(Array(choices.rest.slice(0, length)), head)
  reader.writeAndReadAgain(head)
  if head.path.first == UInt8(ascii: "/") { checkDecoding(of: head.path) }
  return 0
}

enum HeadOutcome: Equatable {
  case incomplete
  case refused(Refusal)
  case complete(length: Int, CopiedHead)
}

struct HeadReader {
  var limits = RequestLimits()
  var underscores = UnderscoreFields.drop

  func read(_ bytes: Bytes, _ arrival: Arrival) -> HeadOutcome {
    var memory = ArrivingBytes(bytes)
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
    defer { unsafe storage.deallocate() }
    var parser = unsafe RequestHeadParser(limits: limits, underscores: underscores, storage: storage)
    var before = -1
    for count in arrival.counts(bytes.count) {
      memory.arrive(count)
      switch unsafe parser.parse(memory.base, count: count) {
      case .incomplete: break
      case .refused(let refusal): return .refused(refusal)
      case .complete(let length):
        require(length > before && length <= count, "complete with \(count) bytes at \(length), not before")
        checkViews(parser.head, memory, length)
        return .complete(length: length, CopiedHead(parser.head))
      }
      before = count
      if arrival.moves {
        memory = ArrivingBytes(bytes)
        memory.arrive(count)
        parser.reset()
      }
    }
    return .incomplete
  }

  private func checkViews(_ head: RequestHead, _ memory: borrowing ArrivingBytes, _ length: Int) {
    require(head.fields.count <= limits.fields, "\(head.fields.count) fields")
    for view in [head.method, head.target, head.query, head.authority] {
      require(memory.holds(view, below: length), "view outside of the head")
    }
    // The path of an absolute target without one is a literal.
    require(memory.holds(head.path, below: length) || head.path.equals(Bytes("/")), "path outside of the head")
    for index in 0..<head.fields.count {
      require(memory.holds(head.fields[index].name, below: length), "name outside of the head")
      require(memory.holds(head.fields[index].value, below: length), "value outside of the head")
    }
  }

  // MARK: The plain reading

  /// - Parameter bytes: the head alone.
  func compareWithPlainReading(_ bytes: [UInt8], _ head: CopiedHead) {
    require(bytes.count <= limits.head, "longer than limits.head")
    var lines = PlainLines(bytes, from: bytes.starts(with: [13, 10]) ? 2 : 0)
    guard let requestLine = lines.line(), let fields = lines.section() else { fatalError("malformed and accepted") }
    require(lines.position == bytes.count, "ends at \(lines.position), not \(bytes.count)")
    require(requestLine.count <= limits.requestLine, "longer than limits.request_line")
    require(fields.count <= limits.fields, "more than limits.fields")
    for field in fields {
      require(field.name.count + 1 + field.value.count <= limits.fieldSize, "longer than limits.field_size")
    }
    let words = requestLine.split(separator: 32, omittingEmptySubsequences: false).map { Array($0) }
    require(words.count == 3, "\(words.count) words in the request line")
    require(words[0] == head.method && (1...20).contains(head.method.count), "method")
    require(head.method.allSatisfy(PlainLines.isToken), "method is no token")
    require(words[1] == head.target && !head.target.isEmpty, "target")
    require(head.target.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }, "target")
    require(words[2] == Array((head.version == .http11 ? "HTTP/1.1" : "HTTP/1.0").utf8), "version")
    let dropsUnderscores = underscores == .drop
    let kept = fields.filter { !(dropsUnderscores && $0.name.contains(UInt8(ascii: "_"))) }
    require(kept == head.fields, "fields")
    if underscores == .refuse { require(!kept.contains { $0.name.contains(UInt8(ascii: "_")) }, "underscore") }
    compareTarget(head)
    compareFraming(head)
    compareConnection(head)
  }

  /// The parts of the target make up the target.
  private func compareTarget(_ head: CopiedHead) {
    let isConnect = head.method == Array("CONNECT".utf8)
    if isConnect {
      require(head.path.isEmpty && head.query.isEmpty && head.authority == head.target, "authority form")
    } else if head.target == Array("*".utf8) {
      require(head.path == head.target && head.query.isEmpty && head.method == Array("OPTIONS".utf8), "asterisk form")
    } else {
      require(head.path.first == UInt8(ascii: "/"), "path does not begin with a slash")
      require(!head.path.contains(UInt8(ascii: "?")), "query in the path")
      let question = head.target.firstIndex(of: UInt8(ascii: "?")) ?? head.target.count
      require(head.query == Array(head.target.dropFirst(question + 1)), "query")
      if head.target.first == UInt8(ascii: "/") {
        require(head.path == Array(head.target[..<question]), "path")
      } else {
        let prefix = head.target[..<question].suffix(head.path.count)
        require(Array(prefix) == head.path || head.path == [UInt8(ascii: "/")], "path of an absolute target")
      }
    }
    let named = Array("@/?#\\ ".utf8)
    require(!head.authority.contains { named.contains($0) || $0 < 33 || $0 > 126 }, "authority")
  }

  /// RFC 9112 section 6.3, and what has no place here.
  private func compareFraming(_ head: CopiedHead) {
    let hosts = head.fields.filter { $0.isNamed("host") }
    require(hosts.count <= 1 && (hosts.count == 1 || head.version == .http10), "\(hosts.count) Host fields")
    if let host = hosts.first, head.target.first == UInt8(ascii: "/") {
      require(head.authority == host.value, "authority is not Host")
    }
    let lengths = head.fields.filter { $0.isNamed("content-length") }
    let codings = head.fields.filter { $0.isNamed("transfer-encoding") }.flatMap { PlainLines.list($0.value) }
    let isCoded = head.fields.contains { $0.isNamed("transfer-encoding") }
    require(head.fields.filter { $0.isNamed("content-type") }.count <= 1, "Content-Type twice")
    switch head.framing {
    case .none: require(lengths.isEmpty && !isCoded, "no framing, and fields that frame")
    case .fixed(let length):
      require(lengths.count == 1 && !isCoded && length >= 0, "Content-Length")
      let digits = lengths[0].value
      require(!digits.isEmpty && digits.allSatisfy { (48...57).contains($0) }, "Content-Length is no number")
      let significant = Array(digits.drop { $0 == 48 })
      require(significant == (length == 0 ? [] : Array(String(length).utf8)), "Content-Length \(length)")
    case .chunked:
      require(lengths.isEmpty && head.version == .http11, "chunked")
      require(codings == [Array("chunked".utf8)], "Transfer-Encoding")
    }
  }

  /// RFC 9112 section 9.3.
  private func compareConnection(_ head: CopiedHead) {
    let options = head.fields.filter { $0.isNamed("connection") }.flatMap { PlainLines.list($0.value) }
    let closes = options.contains(Array("close".utf8))
    let keeps = head.version == .http11 || options.contains(Array("keep-alive".utf8))
    require(head.traits.contains(.keepAlive) == (keeps && !closes), "keep-alive")
    require(head.traits.contains(.head) == (head.method == Array("HEAD".utf8)), "HEAD")
    let expects = head.fields.contains { $0.isNamed("expect") }
    require(head.traits.contains(.expectsContinue) == (expects && head.version == .http11), "Expect")
  }

  // MARK: Written again

  func writeAndReadAgain(_ head: CopiedHead) {
    var text = head.method
    text.append(" ")
    text += head.target
    text.append(head.version == .http11 ? " HTTP/1.1\r\n" : " HTTP/1.0\r\n")
    text.append(section: head.fields)
    var second = self
    second.underscores = .pass
    // A space after the colon may be new.
    second.limits.fieldSize += 1
    second.limits.head = text.count
    let outcome = text.withView { second.read($0, .whole) }
    require(outcome == .complete(length: text.count, head), "written again: \(outcome), first: \(head)")
  }
}
