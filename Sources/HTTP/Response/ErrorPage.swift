/// The answer that the server itself gives: the status and its phrase as a line of text.
package enum ErrorPage {
  package static var contentType: StaticString { "text/plain; charset=utf-8" }

  /// The most bytes that a page takes.
  package static let bound = 64

  /// The bytes of the page for a status of three digits.
  package static func length(_ status: UInt32) -> Int { 4 + ReasonPhrase.of(status).utf8CodeUnitCount + 1 }

  /// `404 Not Found` and a line end.
  package static func write(_ status: UInt32, to writer: inout ByteWriter) {
    writer.append(decimal: UInt64(status))
    writer.append(" ")
    writer.append(ReasonPhrase.of(status))
    writer.append("\n")
  }
}
