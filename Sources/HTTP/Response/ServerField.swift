/// The Server field as configured (RFC 9110 section 10.2.4): one value for the process.
@usableFromInline
package enum ServerField {
  /// The maximum length of the value.
  @inlinable
  package static var longest: Int { 128 }

  /// Written while there is one thread, before the first response.
  nonisolated(unsafe) private static var current = Bytes("outrider")

  /// Sets the value for later `DateField`s, without control characters; empty for none. A `DateField` that exists
  /// already is not changed.
  package static func use(_ text: String) {
    guard text != self.text else { return }
    let bytes = text.utf8.filter { $0 == ASCII.tab || $0 >= ASCII.space && $0 != 0x7F }.prefix(longest)
    // Lives as long as the process, like the views of it.
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    unsafe copy.update(from: Array(bytes), count: bytes.count)
    unsafe current = unsafe Bytes(base: UnsafePointer(copy), count: bytes.count)
  }

  /// Empty for none.
  static var value: Bytes { unsafe current }

  package static var text: String { String(decoding: (0..<value.count).map { value[$0] }, as: UTF8.self) }
}
