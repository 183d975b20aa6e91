import COpenSSL

/// The server's part of the opening handshake (RFC 6455 section 4.2). Over HTTP/2 it needs neither key nor accept (RFC
/// 8441 section 5.1); all else is the same.
package enum WebSocketHandshake {
  /// The only version (section 4.1), which a refusal with 426 names in Sec-WebSocket-Version.
  package static var version: StaticString { "13" }

  /// The length of a Sec-WebSocket-Key: 16 bytes in base64.
  package static var keyLength: Int { 24 }
  /// The length of a Sec-WebSocket-Accept: the 20 bytes of a SHA-1 in base64.
  package static var acceptLength: Int { 28 }

  /// Whether `key` is the base64 of 16 bytes, as Sec-WebSocket-Key has to be (section 4.2.1).
  package static func isKey(_ key: Bytes) -> Bool {
    guard key.count == keyLength, key[22] == UInt8(ascii: "="), key[23] == UInt8(ascii: "=") else { return false }
    for index in 0..<22 where !isBase64(key[index]) { return false }
    return true
  }

  /// The value of Sec-WebSocket-Accept for a key (section 4.2.2); nil unless it is one.
  package static func accept(_ key: Bytes) -> InlineArray<28, UInt8>? {
    guard isKey(key) else { return nil }
    var text = InlineArray<60, UInt8>(repeating: 0)
    let suffix = Bytes("258EAFA5-E914-47DA-95CA-C5AB0DC85B11")
    for index in 0..<keyLength { text[index] = key[index] }
    for index in 0..<suffix.count { text[keyLength + index] = suffix[index] }
    var digest = InlineArray<20, UInt8>(repeating: 0)
    var span = digest.mutableSpan
    let isMade = unsafe text.span.withUnsafeBufferPointer { text in
      unsafe span.withUnsafeMutableBufferPointer { unsafe SHA1(text.baseAddress, text.count, $0.baseAddress) != nil }
    }
    return isMade ? base64(digest) : nil
  }

  private static func base64(_ digest: InlineArray<20, UInt8>) -> InlineArray<28, UInt8> {
    var text = InlineArray<28, UInt8>(repeating: UInt8(ascii: "="))
    let alphabet = Bytes("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    // 27 digits of six bits; those of the last that are beyond the digest are 0.
    for index in 0..<27 {
      let (byte, shift) = (index * 6 / 8, index * 6 % 8)
      let next = byte + 1 < digest.count ? digest[byte + 1] : 0
      let pair = UInt16(digest[byte]) << 8 | UInt16(next)
      text[index] = alphabet[Int(pair >> UInt16(10 - shift) & 63)]
    }
    return text
  }

  private static func isBase64(_ byte: UInt8) -> Bool {
    ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "+") || byte == ASCII.slash
  }

  // MARK: Subprotocols

  /// The maximum number of subprotocols in a field: many times what any client offers, and few to compare.
  package static var mostSubprotocols: Int { 64 }

  /// Whether the value of a Sec-WebSocket-Protocol field is a list of different tokens (section 4.1), and of no more than
  /// `mostSubprotocols`.
  package static func areSubprotocols(_ value: Bytes) -> Bool {
    var count = 0
    for subprotocol in ListElements(value) {
      guard isToken(subprotocol), count < mostSubprotocols else { return false }
      for other in ListElements(value).prefix(count) where other.equals(subprotocol) { return false }
      count += 1
    }
    return count > 0
  }

  /// Whether a valid Sec-WebSocket-Protocol field offers a subprotocol, which only then may be in the response (section
  /// 4.2.2). Case matters.
  package static func offers(_ value: Bytes, _ subprotocol: Bytes) -> Bool {
    guard !subprotocol.isEmpty else { return false }
    for offered in ListElements(value) where offered.equals(subprotocol) { return true }
    return false
  }

  /// Whether `bytes` is a nonempty token (RFC 9110 section 5.6.2).
  package static func isToken(_ bytes: Bytes) -> Bool {
    for index in 0..<bytes.count where !ASCII.isToken(bytes[index]) { return false }
    return !bytes.isEmpty
  }
}
