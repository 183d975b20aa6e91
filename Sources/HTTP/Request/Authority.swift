/// The syntax of a host with an optional port (RFC 3986 section 3.2, without userinfo).
package enum Authority {
  /// Whether `bytes` is `host [":" port]`: a registered name, an IPv4 address or a bracketed IP literal.
  @inline(__always)
  package static func isValid(_ bytes: Bytes, portRequired: Bool = false) -> Bool {
    !portRequired && isUsual(bytes) || isOther(bytes, portRequired: portRequired)
  }

  /// Whether it is shorter than sixteen bytes and consists of letters, digits, hyphens and dots, with an optional port
  /// of at most four digits. This is the common case.
  @inline(__always)
  private static func isUsual(_ bytes: Bytes) -> Bool {
    guard let base = unsafe bytes.base, bytes.count > 0 && bytes.count < 16 else { return false }
    let block = unsafe ByteBlock(base, count: bytes.count)
    // The zeros after the last byte count as unusual bytes, and not as digits.
    let hostEnd = block.unusualInHosts.trailingZeroBitCount
    if hostEnd == bytes.count { return true }
    // hostEnd is below the count
    guard unsafe hostEnd > 0 && base[hostEnd] == ASCII.colon else { return false }
    let portCount = bytes.count &- hostEnd &- 1
    let digits = (block.nonDigits &>> UInt32(truncatingIfNeeded: hostEnd &+ 1)).trailingZeroBitCount
    return portCount <= 4 && digits == portCount
  }

  @inline(never)
  private static func isOther(_ bytes: Bytes, portRequired: Bool) -> Bool {
    guard let hostEnd = endOfHost(bytes), hostEnd > 0 else { return false }
    if hostEnd == bytes.count { return !portRequired }
    guard bytes[hostEnd] == ASCII.colon else { return false }
    return isPort(bytes.dropFirst(hostEnd + 1), required: portRequired)
  }

  /// The end of the host, or nil if it is malformed.
  private static func endOfHost(_ bytes: Bytes) -> Int? {
    guard let base = unsafe bytes.base else { return nil }
    // Most hosts consist of usual bytes only.
    guard let unusual = unsafe ByteScan.unusualInHost(base, base + bytes.count) else { return bytes.count }
    let index = unsafe unusual - base
    return unsafe unusual.pointee == ASCII.colon ? index : endOfUnusualHost(bytes, base, from: index)
  }

  /// The same for a host with an unusual byte at `start`.
  @inline(never)
  private static func endOfUnusualHost(_ bytes: Bytes, _ base: UnsafePointer<UInt8>, from start: Int) -> Int? {
    if bytes[0] == UInt8(ascii: "[") { return endOfIPLiteral(bytes) }
    var index = start
    // index stays below the count
    while index < bytes.count, unsafe base[index] != ASCII.colon {
      if unsafe ASCII.isRegisteredName(base[index]) {
        index += 1
      } else if bytes[index] == ASCII.percent {
        guard index + 2 < bytes.count, ASCII.hexValue(bytes[index + 1]) != nil,
          ASCII.hexValue(bytes[index + 2]) != nil
        else { return nil }
        index += 3
      } else {
        return nil
      }
    }
    return index
  }

  /// `"[" IPv6address "]"`; addresses of future versions are rejected.
  private static func endOfIPLiteral(_ bytes: Bytes) -> Int? {
    guard let close = bytes.firstIndex(of: UInt8(ascii: "]")), IPLiteral.isIPv6(bytes.slice(1, close)) else {
      return nil
    }
    return close + 1
  }

  private static func isPort(_ digits: Bytes, required: Bool) -> Bool {
    guard let base = unsafe digits.base, !digits.isEmpty else { return !required }
    var port: UInt32 = 0
    for index in 0..<digits.count {
      // index is below the count
      let digit = unsafe base[index] &- 0x30
      port = port &* 10 &+ UInt32(digit)
      guard digit < 10 && port <= 65_535 else { return false }
    }
    return true
  }
}
