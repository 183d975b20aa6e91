/// The address within a hop: `192.0.2.1`, `192.0.2.1:80`, `[2001:db8::1]`, `[2001:db8::1]:80`, `2001:db8::1`.
package enum HopAddress {
  /// The part that should be an address, and its port if there is one.
  package static func split(_ hop: Bytes) -> (address: Bytes, port: UInt16) {
    if !hop.isEmpty && hop[0] == UInt8(ascii: "["), let close = hop.firstIndex(of: UInt8(ascii: "]")) {
      let rest = hop.dropFirst(close + 1)
      if rest.isEmpty { return (hop.slice(1, close), 0) }
      // If other text than a port follows the address, the whole is returned as the address, which makes it invalid.
      return rest[0] == ASCII.colon ? (hop.slice(1, close), port(rest.dropFirst(1))) : (hop, 0)
    }
    guard let colon = hop.firstIndex(of: ASCII.colon) else { return (hop, 0) }
    // More than one colon is an IPv6 address without brackets.
    if hop.dropFirst(colon + 1).firstIndex(of: ASCII.colon) != nil { return (hop, 0) }
    return (hop.slice(0, colon), port(hop.dropFirst(colon + 1)))
  }

  /// Whether a proxy has hidden the hop: `unknown`, or an identifier of the proxy (RFC 7239 section 6).
  package static func isUnnamed(_ address: Bytes) -> Bool {
    address.equalsIgnoringCase("unknown") || !address.isEmpty && address[0] == UInt8(ascii: "_")
  }

  private static func port(_ digits: Bytes) -> UInt16 {
    DecimalLength.parse(digits).flatMap(UInt16.init(exactly:)) ?? 0
  }
}
