import Glibc

extension SocketAddress: CustomStringConvertible {
  /// The form that `init(text:)` reads.
  package var description: String {
    switch self {
    case .ipv4: "\(host):\(port)"
    case .ipv6: isMapped ? "\(host):\(port)" : "[\(host)]:\(port)"
    case .unix(let path): "unix:\(path)"
    }
  }

  /// Reads `127.0.0.1:9100`, `[::1]:9100` or `unix:/path`; nil for anything else. Names are not looked up.
  package init?(text: String) {
    if text.hasPrefix("unix:/") {
      self = .unix(String(text.dropFirst("unix:".count)))
      return
    }
    guard let colon = text.lastIndex(of: ":"), let port = UInt16(text[text.index(after: colon)...]) else { return nil }
    let host = text[..<colon]
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let bytes = Self.parse(String(host.dropFirst().dropLast()), AF_INET6, count: 16) else { return nil }
      self = .ipv6(bytes, port: port)
    } else {
      guard let bytes = Self.parse(String(host), AF_INET, count: 4) else { return nil }
      self = .ipv4(bytes, port: port)
    }
  }

  private static func parse(_ text: String, _ family: CInt, count: Int) -> [UInt8]? {
    var bytes = [UInt8](repeating: 0, count: count)
    return unsafe inet_pton(family, text, &bytes) == 1 ? bytes : nil
  }
}
