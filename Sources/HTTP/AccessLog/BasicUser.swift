/// The user of Basic credentials (RFC 7617), only for the log: the password has not been checked.
package enum BasicUser {
  /// The longest user that is shown, in bytes.
  package static let longest = 63

  /// Writes the user to `output`, which has room for `longest` bytes.
  ///
  /// - Parameter credentials: the value of Authorization.
  /// - Returns: empty if there is no user, or no colon within the limit.
  package static func read(_ credentials: Bytes, into output: UnsafeMutablePointer<UInt8>) -> Bytes {
    guard credentials.count > 6, credentials.slice(0, 6).equalsIgnoringCase("basic ") else { return .empty }
    let encoded = credentials.dropFirst(6).trimmed
    var writer = unsafe ByteWriter(base: output, capacity: longest)
    var bits: UInt32 = 0
    var held = 0
    for index in 0..<encoded.count {
      guard let value = value(encoded[index]) else { return .empty }
      bits = bits << 6 | value
      held += 6
      guard held >= 8 else { continue }
      held -= 8
      let byte = UInt8(truncatingIfNeeded: bits >> UInt32(held))
      if byte == ASCII.colon { return unsafe Bytes(base: UnsafePointer(output), count: writer.count) }
      guard writer.count < longest else { return .empty }
      writer.append(byte)
    }
    return .empty
  }

  private static func value(_ byte: UInt8) -> UInt32? {
    switch byte {
    case 0x41...0x5A: UInt32(byte) - 0x41
    case 0x61...0x7A: UInt32(byte) - 0x61 + 26
    case 0x30...0x39: UInt32(byte) - 0x30 + 52
    case 0x2B: 62
    case 0x2F: 63
    default: nil
    }
  }
}
