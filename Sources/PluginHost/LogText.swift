import HTTP

/// Text from outside as it may stand in a log line: valid UTF-8, no control characters.
package enum LogText {
  package static func escaped(_ bytes: [UInt8]) -> String {
    var text = ""
    for scalar in String(decoding: bytes, as: UTF8.self).unicodeScalars {
      switch scalar.value {
      case 0..<0x20, 0x7F..<0xA0, 0x2028, 0x2029: text += "\\u{" + String(scalar.value, radix: 16) + "}"
      default: text.unicodeScalars.append(scalar)
      }
    }
    return text
  }

  /// At most `limit` bytes of `bytes`.
  static func escaped(_ bytes: Bytes, limit: Int) -> String {
    escaped((0..<min(bytes.count, limit)).map { bytes[$0] }) + (bytes.count > limit ? "…" : "")
  }
}
