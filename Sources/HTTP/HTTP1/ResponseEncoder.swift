/// Writes HTTP/1 responses: heads, chunk framing, trailer sections (RFC 9112 sections 4, 6 and 7).
///
/// Fields have been validated before. Each kind of output has a bound, so that the caller can make room first, and a
/// function that writes it.
@usableFromInline
package enum ResponseEncoder {
  /// The framing of a final response's body, as its head describes it.
  @usableFromInline
  package enum Framing {
    /// No body and no framing field: 204, and 304 without a length.
    case none
    /// A length that the plugin did not send itself.
    case length(Int64)
    /// The plugin's own fields contain the length.
    case lengthGiven
    case chunked
    /// The body ends with the connection: HTTP/1.0.
    case untilClose
  }

  @usableFromInline
  package struct FinalHead {
    @usableFromInline package let status: UInt32
    @usableFromInline package let fields: Fields
    @usableFromInline package let framing: Framing
    @usableFromInline package let verdict: FieldValidation.Verdict
    /// The Connection field; nil for the version's default.
    @usableFromInline package let connection: ConnectionOption?

    @inlinable
    package init(
      status: UInt32, fields: Fields, framing: Framing, verdict: FieldValidation.Verdict, connection: ConnectionOption?
    ) {
      self.status = status
      self.fields = fields
      self.framing = framing
      self.verdict = verdict
      self.connection = connection
    }
  }

  @usableFromInline
  package enum ConnectionOption { case close, keepAlive }

  // MARK: Heads

  /// The maximum size of a section with these fields, status line included.
  @inlinable
  package static func bound(fields: Fields, fieldBytes: Int) -> Int {
    // The longest status line; Content-Length or Transfer-Encoding; Date; Server; Connection; the empty line.
    fieldBytes + 4 * fields.count + 192 + ServerField.longest
  }

  package static func writeInformational(status: UInt32, fields: Fields, to writer: inout ByteWriter) {
    writeStatusLine(status, to: &writer)
    write(fields, to: &writer)
    writer.append("\r\n")
  }

  package static func write(_ head: FinalHead, date: borrowing DateField, to writer: inout ByteWriter) {
    writeInLine(head, date.lines, to: &writer)
  }

  /// The same for the path of every response: the parts are passed separately, and the writer stays in registers.
  /// (`@inline(__always)` fails in a function with as many branches as this one's callers have.)
  @inlinable
  @inline(always)
  package static func writeInLine(_ head: FinalHead, _ lines: DateField.Lines, to writer: inout ByteWriter) {
    if head.status == 200 && head.verdict.leavesDateAndServer {
      writer.append(lines.opening)
    } else {
      writer.aside { writeOtherOpening(head, lines, to: &$0) }
    }
    for index in 0..<head.fields.count { writer.append(line: head.fields[index]) }
    switch head.framing {
    case .length(let length):
      writer.append("Content-Length: ")
      writer.append(decimal: UInt64(length))
      writer.append("\r\n")
    case .chunked: writer.append("Transfer-Encoding: chunked\r\n")
    case .none, .lengthGiven, .untilClose: break
    }
    switch head.connection {
    case .close: writer.append("Connection: close\r\n")
    case .keepAlive: writer.append("Connection: keep-alive\r\n")
    case nil: break
    }
    writer.append("\r\n")
  }

  /// Writes what comes before the fields, in unusual cases.
  @inline(never)
  @usableFromInline
  static func writeOtherOpening(_ head: FinalHead, _ lines: DateField.Lines, to writer: inout ByteWriter) {
    writeStatusLine(head.status, to: &writer)
    if !head.verdict.hasServer { writer.append(lines.server) }
    if !head.verdict.hasDate { writer.append(lines.date) }
  }

  static var okLine: StaticString { "HTTP/1.1 200 OK\r\n" }

  /// The version of the status line is the server's, not the request's (RFC 9110 section 6.2).
  private static func writeStatusLine(_ status: UInt32, to writer: inout ByteWriter) {
    writer.append("HTTP/1.1 ")
    writer.append(decimal: UInt64(status))
    writer.append(" ")
    writer.append(ReasonPhrase.of(status))
    writer.append("\r\n")
  }

  @inline(never)
  private static func write(_ fields: Fields, to writer: inout ByteWriter) {
    for index in 0..<fields.count { writer.append(line: fields[index]) }
  }

  // MARK: Chunks

  /// The maximum size of a chunk's size line: sixteen digits and CR LF.
  package static let chunkHeadBound = 18
  package static var chunkEnd: StaticString { "\r\n" }
  package static var lastChunk: StaticString { "0\r\n\r\n" }

  /// Writes the line before a chunk of `count` bytes, which is not 0.
  package static func writeChunkHead(_ count: UInt64, to writer: inout ByteWriter) {
    writer.append(hexadecimal: count)
    writer.append("\r\n")
  }

  /// Writes the last chunk and a trailer section; bounded by `bound(fields:fieldBytes:)`.
  package static func writeTrailers(_ fields: Fields, to writer: inout ByteWriter) {
    writer.append("0\r\n")
    write(fields, to: &writer)
    writer.append("\r\n")
  }
}
