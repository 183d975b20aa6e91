/// The peers whose statements about the client (`Forwarded`, `X-Forwarded-*`, `X-Request-ID`) are believed.
package struct TrustedPeers: Sendable, Hashable {
  private var networks: [Network] = []
  /// Whether they include the peers of unix sockets.
  package private(set) var includesUnixPeers = false

  /// Trusts no peer.
  package init() {}

  /// Whether an address of 4 or 16 bytes in network order is in one of the networks. An IPv4-mapped IPv6 address is
  /// treated as the IPv4 address. An IPv6 network, even `::/0`, contains no IPv4 address.
  package func contains(_ address: Span<UInt8>) -> Bool {
    guard let address = IPAddress(address) else { return false }
    return contains(address)
  }

  package func contains(_ address: IPAddress) -> Bool {
    // Called for each connection: access by index retains nothing.
    for index in networks.indices where networks[index].contains(address) { return true }
    return false
  }

  /// Adds an address, a network in CIDR notation, or `unix`.
  mutating func insert(_ text: String) throws(ValueSyntaxError) {
    if text == "unix" {
      includesUnixPeers = true
    } else {
      networks.append(try Network(text))
    }
  }

  /// Texts from which `insert` makes an equal value.
  var texts: [String] { networks.map(\.description) + (includesUnixPeers ? ["unix"] : []) }
}

/// The addresses with a common prefix.
private struct Network: Sendable, Hashable, CustomStringConvertible {
  private let address: IPAddress
  private let prefixLength: Int

  init(_ text: String) throws(ValueSyntaxError) {
    let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
    guard let address = IPAddress(parts[0]) else {
      let everyone = text == "*" ? "; everyone is \"0.0.0.0/0\", \"::/0\", \"unix\"" : ""
      throw ValueSyntaxError(
        reason: "expected an address, a network such as \"10.0.0.0/8\", or \"unix\", found \(QuotedText.shown(text))"
          + everyone)
    }
    self.address = address
    guard parts.count == 2 else {
      prefixLength = address.isIPv4 ? 32 : 128
      return
    }
    // The prefix length of an IPv4-mapped network counts from the start of the IPv6 address.
    let isMapped = address.isIPv4 && parts[0].utf8.contains(UInt8(ascii: ":"))
    let range = isMapped ? 96...128 : 0...(address.isIPv4 ? 32 : 128)
    guard parts[1].utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
      let length = Int(parts[1]), range.contains(length)
    else {
      throw ValueSyntaxError(
        reason: "the prefix length of \(QuotedText.shown(text)) is not from \(range.lowerBound) to \(range.upperBound)")
    }
    prefixLength = isMapped ? length - 96 : length
    let first = IPAddress(bits: address.bits & mask, isIPv4: address.isIPv4)
    guard first == address else {
      throw ValueSyntaxError(
        reason: "\(QuotedText.shown(text)) has bits beyond its prefix; did you mean \"\(first)/\(prefixLength)\"?")
    }
  }

  func contains(_ other: IPAddress) -> Bool {
    other.isIPv4 == address.isIPv4 && other.bits & mask == address.bits
  }

  var description: String {
    prefixLength == (address.isIPv4 ? 32 : 128) ? "\(address)" : "\(address)/\(prefixLength)"
  }

  private var mask: UInt128 {
    let width = address.isIPv4 ? 32 : 128
    // A shift by the whole width gives 0: the whole address is variable.
    return UInt128.max << UInt128(width - prefixLength) & (UInt128.max >> UInt128(128 - width))
  }
}
