/// Where a listener listens.
package enum BindAddress: Sendable, Hashable, CustomStringConvertible {
  /// Port 0 lets the kernel choose one.
  case inet(IPAddress, port: UInt16)
  /// The absolute path of a socket.
  case unix(path: String)

  /// The longest path that fits `sun_path` with its zero.
  static let longestPath = 107

  /// `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/outrider.sock`; reading it back gives the same address.
  package var description: String {
    switch self {
    case .inet(let address, let port): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// Reads `host:port`, `[v6]:port`, `localhost:port` (its IPv4 address) or `unix:/path`.
  init(_ text: String) throws(Refusal) {
    if text.hasPrefix("unix:") {
      self = try Self.unix(text.dropFirst("unix:".count))
      return
    }
    for scheme in ["fd:", "systemd:"] where text.hasPrefix(scheme) {
      throw Refusal(reason: "\(scheme) addresses are not available yet")
    }
    guard let colon = text.lastIndex(of: ":") else {
      throw Refusal(reason: "expected host:port, [v6]:port or unix:/path, found \(QuotedText.shown(text))")
    }
    let host = text[..<colon]
    let port = try Self.port(text[text.index(after: colon)...])
    if host.isEmpty {
      throw Refusal(reason: "no host in \(QuotedText.shown(text)); say \"0.0.0.0:\(port)\" or \"[::]:\(port)\" for all")
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let address = IPAddress(host.dropFirst().dropLast()), host.utf8.contains(UInt8(ascii: ":")) else {
        throw Refusal(reason: "\(QuotedText.shown(host)) is not an IPv6 address in brackets")
      }
      self = .inet(address, port: port)
    } else if host.utf8.contains(UInt8(ascii: ":")) {
      throw Refusal(reason: "an IPv6 address stands in brackets, as in \"[::1]:8000\"")
    } else if let address = IPAddress(host == "localhost" ? "127.0.0.1" : host) {
      self = .inet(address, port: port)
    } else {
      throw Refusal(
        reason: "\(QuotedText.shown(host)) is not an IPv4 address; names other than localhost are not looked up")
    }
  }

  private static func unix(_ path: Substring) throws(Refusal) -> BindAddress {
    guard path.utf8.first == UInt8(ascii: "/") else { throw Refusal(reason: "the path after unix: begins with /") }
    guard path.utf8.count <= longestPath else {
      throw Refusal(reason: "the path of a unix socket has at most \(longestPath) bytes")
    }
    guard !path.utf8.contains(0) else { throw Refusal(reason: "a NUL in the path") }
    return .unix(path: String(path))
  }

  private static func port(_ text: Substring) throws(Refusal) -> UInt16 {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }), let port = UInt16(text) else {
      throw Refusal(reason: "the port is a number from 0 to 65535, found \(QuotedText.shown(text))")
    }
    return port
  }
}
