import Glibc

/// An IPv4 or IPv6 address. An IPv4-mapped IPv6 address is treated as the IPv4 address.
package struct IPAddress: Sendable, Hashable, CustomStringConvertible {
  /// The address as a number, most significant byte first; an IPv4 address has the lower 32 bits.
  let bits: UInt128
  package let isIPv4: Bool

  init(bits: UInt128, isIPv4: Bool) {
    self.bits = bits
    self.isIPv4 = isIPv4
  }

  /// From 4 or 16 bytes in network order, as in `sin_addr` and `sin6_addr`; nil for any other count.
  package init?(_ bytes: Span<UInt8>) {
    guard bytes.count == 4 || bytes.count == 16 else { return nil }
    var bits: UInt128 = 0
    for index in bytes.indices { bits = bits << 8 | UInt128(bytes[index]) }
    self = bytes.count == 4 ? IPAddress(ipv4: bits) : IPAddress(ipv6: bits)
  }

  /// An IPv4 address from its number, in the lower 32 bits.
  package init(ipv4 number: UInt128) {
    bits = number & 0xFFFF_FFFF
    isIPv4 = true
  }

  /// An IPv6 address from its number, most significant byte first.
  package init(ipv6 number: UInt128) {
    isIPv4 = number >> 32 == 0xFFFF
    bits = isIPv4 ? number & 0xFFFF_FFFF : number
  }

  /// Parses a literal: `192.0.2.1`, `2001:db8::1`; no names, brackets, zones or prefix lengths.
  package init?(_ text: some StringProtocol) {
    // Also excludes NUL, at which C would end the text.
    let isLiteral = text.utf8.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "f"),
        UInt8(ascii: "A")...UInt8(ascii: "F"), UInt8(ascii: "."), UInt8(ascii: ":"):
        true
      default: false
      }
    }
    guard isLiteral else { return nil }
    let isIPv6 = text.utf8.contains(UInt8(ascii: ":"))
    var bytes = [UInt8](repeating: 0, count: isIPv6 ? 16 : 4)
    // inet_pton writes exactly the number of bytes of the family, which is the array's count.
    let isRead = unsafe bytes.withUnsafeMutableBytes { raw in
      unsafe inet_pton(isIPv6 ? AF_INET6 : AF_INET, String(text), raw.baseAddress) == 1
    }
    guard isRead else { return nil }
    self.init(bytes.span)
  }

  /// `0.0.0.0` or `::`, which means all addresses of the machine when bound.
  var isUnspecified: Bool { bits == 0 }

  /// The 4 or 16 bytes in network order.
  package var bytes: [UInt8] {
    let count = isIPv4 ? 4 : 16
    return (0..<count).map { UInt8(truncatingIfNeeded: bits >> UInt128((count - 1 - $0) * 8)) }
  }

  /// The literal in the form of RFC 5952.
  package var description: String {
    var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let bytes = bytes
    // inet_ntop writes at most the given number of bytes, including a terminating zero.
    unsafe text.withUnsafeMutableBytes { raw in
      unsafe bytes.withUnsafeBytes { address in
        _ = unsafe inet_ntop(
          isIPv4 ? AF_INET : AF_INET6, address.baseAddress, raw.baseAddress?.assumingMemoryBound(to: CChar.self),
          socklen_t(raw.count))
      }
    }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }
}
