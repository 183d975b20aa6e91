// The decoder of bodies and the parser of trailer sections: a body is read alike however its bytes come; what is
// accepted, a plain reader of chunks reads alike; and written again in one chunk, it is read again.
//
// An input is 13 bytes of choices, then the body and whatever follows it. Only the low bits of the choices count, so
// that seeds are readable.
//
//   0     bits 0 and 1: underscores; bit 2: the limits below instead of the defaults; bit 3: the buffer moves;
//         bit 6: the body is not chunked
//   1-4   lengths of pieces
//   5-12  limits: body (or the length of a body that is not chunked), chunk extensions, field size, number of fields,
//         trailer section (in 4-byte steps); three bytes are unused
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let flags = choices.byte()
  let pieces = Arrival(&choices, moving: flags & 8 != 0)
  var reader = BodyReader()
  reader.underscores = [.drop, .refuse, .pass, .drop][Int(flags & 3)]
  let wanted = choices.bytes(8)
  if flags & 4 != 0 && wanted.count == 8 {
    reader.limits.body = Int64(wanted[0])
    reader.limits.chunkExtension = Int(wanted[1])
    reader.limits.fieldSize = 1 + Int(wanted[2])
    reader.limits.fields = 1 + Int(wanted[3] % 16)
    reader.limits.head = 1 + 4 * Int(wanted[4])
  }
  if flags & 64 != 0 && !wanted.isEmpty { reader.framing = .fixed(Int64(wanted[0])) }
  let reading = reader.read(choices.rest, .whole)
  for arrival in [.byteByByte, pieces] {
    let other = reader.read(choices.rest, arrival)
    require(other == reading, "\(arrival): \(other), whole: \(reading)")
  }
  if reader.framing == .chunked {
    reader.compareWithPlainReading(Array(choices.rest), reading)
    reader.writeAndReadAgain(reading)
  } else {
    reader.checkFixedLength(Array(choices.rest), reading)
  }
  return 0
}

/// What was read, copied.
struct BodyReading: Equatable {
  enum End: Equatable {
    case waiting
    case refused(Refusal)
    case complete(length: Int)
  }

  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var end = End.waiting
}

struct BodyReader {
  var limits = RequestLimits()
  var underscores = UnderscoreFields.drop
  var framing = BodyFraming.chunked

  func read(_ bytes: Bytes, _ arrival: Arrival) -> BodyReading {
    let storage = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
    defer { unsafe storage.deallocate() }
    func trailerParser() -> TrailerParser {
      unsafe TrailerParser(limits: limits, underscores: underscores, storage: storage)
    }
    var memory = ArrivingBytes(bytes)
    var reading = BodyReading()
    var decoder = BodyDecoder(framing, limits: limits)
    var trailers: TrailerParser?
    var start = 0
    var before = -1
    for count in arrival.counts(bytes.count) {
      memory.arrive(count)
      if trailers == nil && decode(&decoder, memory, &start, &reading) { trailers = trailerParser() }
      if trailers != nil { parse(&trailers, memory, start, &reading) }
      switch reading.end {
      case .waiting: break
      case .refused: return reading
      case .complete(let length):
        require(length > before && length <= count, "complete with \(count) bytes at \(length), not before")
        return reading
      }
      before = count
      if arrival.moves {
        memory = ArrivingBytes(bytes)
        memory.arrive(count)
        if trailers != nil { trailers = trailerParser() }
      }
    }
    return reading
  }

  /// Decodes what has come; true if a trailer section begins at `start`.
  private func decode(
    _ decoder: inout BodyDecoder, _ memory: borrowing ArrivingBytes, _ start: inout Int, _ reading: inout BodyReading
  ) -> Bool {
    while true {
      let available = memory.count - start
      switch unsafe decoder.decode(memory.base + start, count: available) {
      case .needInput(let consumed):
        require(consumed == available, "\(consumed) of \(available) bytes consumed, and more are needed")
        require(!decoder.hasEnded, "more needed after the end")
        start += consumed
        return false
      case .bytes(let offset, let length):
        require(offset >= 0 && length > 0 && offset + length <= available, "body outside of what has come")
        unsafe reading.body.append(Bytes(base: memory.base + start + offset, count: length))
        start += offset + length
      case .end(let consumed, let trailers):
        require(consumed >= 0 && consumed <= available, "end outside of what has come")
        start += consumed
        if !trailers { reading.end = .complete(length: start) }
        return trailers
      case .refused(let refusal):
        reading.end = .refused(refusal)
        return false
      }
    }
  }

  private func parse(
    _ trailers: inout TrailerParser?, _ memory: borrowing ArrivingBytes, _ start: Int, _ reading: inout BodyReading
  ) {
    switch unsafe trailers?.parse(memory.base + start, count: memory.count - start) {
    case .incomplete, nil: break
    case .refused(let refusal): reading.end = .refused(refusal)
    case .complete(let length):
      reading.end = .complete(length: start + length)
      guard let fields = trailers?.fields else { return }
      require(fields.count <= limits.fields, "\(fields.count) trailers")
      for index in 0..<fields.count {
        require(memory.holds(fields[index].name, below: start + length), "name outside of the trailers")
        require(memory.holds(fields[index].value, below: start + length), "value outside of the trailers")
      }
      reading.trailers = CopiedField.all(fields)
    }
  }

  func checkFixedLength(_ bytes: [UInt8], _ reading: BodyReading) {
    guard case .fixed(let length) = framing else { return }
    let body = bytes.prefix(Int(length))
    require(reading.body == Array(body), "body of fixed length")
    require(reading.end == (body.count == length ? .complete(length: body.count) : .waiting), "end of fixed length")
  }

  // MARK: The plain reading

  func compareWithPlainReading(_ bytes: [UInt8], _ reading: BodyReading) {
    require(reading.body.count <= limits.body, "longer than limits.body")
    var lines = PlainLines(bytes)
    let body = plainBody(&lines)
    let sectionStart = lines.position
    let trailers = body == nil ? nil : lines.section()
    switch reading.end {
    case .waiting: require(trailers == nil, "complete, and waiting for more")
    case .refused(.malformedChunk): require(trailers == nil, "well-formed chunks refused")
    case .refused(.malformedFieldName), .refused(.malformedFieldValue), .refused(.missingLineEnd),
      .refused(.foldedField):
      require(body != nil && trailers == nil, "well-formed trailers refused")
    case .refused(.bodyTooLarge), .refused(.chunkExtensionTooLong): break
    case .refused(.fieldTooLong), .refused(.tooManyFields), .refused(.headTooLarge), .refused(.forbiddenTrailer): break
    case .refused(.underscoreInFieldName): require(underscores == .refuse, "underscore refused")
    case .refused(let refusal): fatalError("refused as \(refusal)")
    case .complete(let length):
      guard let body else { fatalError("malformed chunks accepted") }
      require(reading.body == body.bytes, "body \(reading.body), plainly \(body.bytes)")
      require(body.extensions <= limits.chunkExtension, "longer than limits.chunk_extension")
      require(length == lines.position, "ends at \(length), not \(lines.position)")
      guard let trailers else { fatalError("malformed trailers accepted") }
      require(trailers.isEmpty || length - sectionStart <= limits.head, "longer than limits.head")
      require(trailers.count <= limits.fields, "more than limits.fields")
      let dropsUnderscores = underscores == .drop
      let kept = trailers.filter { !(dropsUnderscores && $0.name.contains(UInt8(ascii: "_"))) }
      require(kept == reading.trailers, "trailers")
      for name: StaticString in [
        "content-length", "transfer-encoding", "host", "connection", "te", "trailer", "expect", "forwarded", "via",
        "x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-request-id",
      ] {
        require(!kept.contains { $0.isNamed(name) }, "\(name) among the trailers")
      }
    }
  }

  /// The chunks up to and with the last chunk's size line (RFC 9112 section 7.1), and how long all extensions are.
  private func plainBody(_ lines: inout PlainLines) -> (bytes: [UInt8], extensions: Int)? {
    var body: [UInt8] = []
    var extensions = 0
    while let line = lines.line() {
      let digits = line.prefix { hexValue($0) != nil }
      guard (1...15).contains(digits.count), line.allSatisfy(PlainLines.isText) else { return nil }
      let rest = line[digits.endIndex...]
      guard isExtension(Array(rest)) else { return nil }
      extensions += rest.count
      let size = digits.reduce(0) { $0 * 16 + Int(hexValue($1) ?? 0) }
      if size == 0 { return (body, extensions) }
      guard let block = lines.block(size) else { return nil }
      body += block
    }
    return nil
  }

  /// Whether what follows a chunk's size is `*( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] )`.
  private func isExtension(_ text: [UInt8]) -> Bool {
    var rest = text[...]
    func skipBlanks() { rest = rest.drop(while: PlainLines.isBlank) }
    func take(_ byte: UInt8) -> Bool {
      guard rest.first == byte else { return false }
      rest.removeFirst()
      return true
    }
    func takeToken() -> Bool {
      let token = rest.prefix(while: ASCII.isToken)
      rest = rest.dropFirst(token.count)
      return !token.isEmpty
    }
    func takeQuoted() -> Bool {
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\"") { return true }
        if byte == UInt8(ascii: "\\") && rest.popFirst() == nil { return false }
      }
      return false
    }
    while !rest.isEmpty {
      skipBlanks()
      guard take(UInt8(ascii: ";")) else { return false }
      skipBlanks()
      guard takeToken() else { return false }
      let behindName = rest
      skipBlanks()
      guard take(UInt8(ascii: "=")) else {
        rest = behindName
        continue
      }
      skipBlanks()
      guard take(UInt8(ascii: "\"")) ? takeQuoted() : takeToken() else { return false }
    }
    return true
  }

  // MARK: Written again

  /// The body in one chunk, with the trailers that were read.
  func writeAndReadAgain(_ reading: BodyReading) {
    guard case .complete = reading.end else { return }
    var text: [UInt8] = []
    if !reading.body.isEmpty {
      text += Array(String(reading.body.count, radix: 16, uppercase: reading.body.count % 2 == 0).utf8)
      text.append("\r\n")
      text += reading.body
      text.append("\r\n")
    }
    text.append("0\r\n")
    text.append(section: reading.trailers)
    var second = self
    second.underscores = .pass
    // A space after the colon may be new.
    second.limits.fieldSize += 1
    second.limits.head += limits.fields
    second.limits.chunkExtension = 0
    var expected = reading
    expected.end = .complete(length: text.count)
    let again = text.withView { second.read($0, .whole) }
    require(again == expected, "written again: \(again), first: \(reading)")
  }
}
