import HTTP
import Platform

/// Untrusted bytes in a form that is safe in a log line: valid UTF-8 without control characters.
package enum LogText {
  package static func escaped(_ bytes: [UInt8]) -> String {
    PrintableText.escaped(String(decoding: bytes, as: UTF8.self))
  }

  /// At most `limit` bytes of `bytes`.
  static func escaped(_ bytes: Bytes, limit: Int) -> String {
    escaped((0..<min(bytes.count, limit)).map { bytes[$0] }) + (bytes.count > limit ? "…" : "")
  }
}
