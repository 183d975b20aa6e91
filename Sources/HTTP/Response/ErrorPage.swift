/// The content of a response of the server itself: a line of text with status and reason phrase.
package enum ErrorPage {
  package static var contentType: StaticString { "text/plain; charset=utf-8" }

  /// The maximum size of a page in bytes.
  package static let bound = 64

  /// The size of the page for a three-digit status.
  package static func length(_ status: UInt32) -> Int { 4 + ReasonPhrase.of(status).utf8CodeUnitCount + 1 }

  /// `404 Not Found` and a line end.
  package static func write(_ status: UInt32, to writer: inout ByteWriter) {
    writer.append(decimal: UInt64(status))
    writer.append(" ")
    writer.append(ReasonPhrase.of(status))
    writer.append("\n")
  }
}
