/// Recognizes common mistakes in addresses, and suggests the correct form.
extension BindAddress {
  static let forms = "host:port, [v6]:port, unix:/path, fd:N or systemd:NAME"

  /// The mistake in `text` as a whole; nil if its parts have to be examined.
  static func mistake(in text: String) -> String? { schemeMistake(text) ?? portMistake(text) }

  /// Kinds of addresses that other programs write before an address, without slashes.
  private static let kinds: Set<String> = [
    "http", "https", "tcp", "tcp4", "tcp6", "inet", "inet6", "ip", "ipv4", "ipv6",
  ]

  private static func schemeMistake(_ text: String) -> String? {
    guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")) else { return nil }
    let scheme = text[..<colon].lowercased()
    let rest = text[text.utf8.index(after: colon)...]
    let isURL = rest.utf8.starts(with: "//".utf8)
    // Any other word before a port is regarded as a host name.
    guard isURL || kinds.contains(scheme) else { return nil }
    let address = isURL ? Substring(rest.utf8.dropFirst(2).prefix { $0 != UInt8(ascii: "/") }) : rest
    let advice = (try? BindAddress(String(address))).map { "say \"\($0)\"" } ?? "expected \(forms)"
    let tls = scheme == "https" ? ", and [listener.tls] for TLS" : ""
    return "an address has no scheme, found \(QuotedText.shown(text)); \(advice)\(tls)"
  }

  /// Recognizes a host without a port.
  private static func portMistake(_ text: String) -> String? {
    let isBracketed = text.utf8.first == UInt8(ascii: "[") && text.utf8.last == UInt8(ascii: "]")
    let host = isBracketed ? text.dropFirst().dropLast() : text[...]
    let isIPv6 = host.utf8.contains(UInt8(ascii: ":"))
    guard host == "localhost" || IPAddress(host) != nil, isBracketed == isIPv6 else { return nil }
    return "no port in \(QuotedText.shown(text)); say \"\(text):8000\""
  }

  /// Whether the two addresses can't be bound at the same time.
  ///
  /// - Parameter takesIPv4: whether the first, if it is an unspecified IPv6 address, also accepts IPv4;
  ///   `otherTakesIPv4` likewise.
  func overlaps(_ other: BindAddress, takesIPv4: Bool = false, otherTakesIPv4: Bool = false) -> Bool {
    guard case .inet(let one, port: let port) = self, case .inet(let another, port: port) = other else {
      return self == other
    }
    // With port 0 each socket gets a port of its own.
    guard port != 0 else { return false }
    if one.isIPv4 != another.isIPv4 {
      return takesIPv4 && !one.isIPv4 && one.isUnspecified || otherTakesIPv4 && !another.isIPv4 && another.isUnspecified
    }
    return one == another || one.isUnspecified || another.isUnspecified
  }
}
