/// The address of a listener.
package enum BindAddress: Sendable, Hashable, CustomStringConvertible {
  /// The kernel chooses a port if it is 0.
  case inet(IPAddress, port: UInt16)
  /// The absolute path of a socket.
  case unix(path: String)
  /// A listening socket that the process was started with, by its descriptor number.
  case descriptor(Int32)
  /// All sockets that systemd has passed with this name.
  case systemd(name: String)

  /// The maximum length of a path in `sun_path`, without its terminating zero.
  static let maxPath = 107

  /// `127.0.0.1:8000`, `[::1]:8000`, `unix:/run/outrider.sock`, `fd:3` or `systemd:http`. Parsing it gives the same
  /// address.
  package var description: String {
    switch self {
    case .inet(let address, let port): address.isIPv4 ? "\(address):\(port)" : "[\(address)]:\(port)"
    case .unix(let path): "unix:\(path)"
    case .descriptor(let number): "fd:\(number)"
    case .systemd(let name): "systemd:\(name)"
    }
  }

  /// Parses `host:port`, `[v6]:port`, `localhost:port` (its IPv4 address), `unix:/path`, `fd:N` or `systemd:NAME`.
  init(_ text: String) throws(ValueSyntaxError) {
    if text.hasPrefix("unix:") {
      self = try Self.unix(text.dropFirst("unix:".count))
      return
    }
    if text.hasPrefix("fd:") {
      self = try Self.descriptor(text.dropFirst("fd:".count))
      return
    }
    if text.hasPrefix("systemd:") {
      self = try Self.systemd(text.dropFirst("systemd:".count))
      return
    }
    if let mistake = Self.mistake(in: text) { throw ValueSyntaxError(reason: mistake) }
    guard let colon = text.lastIndex(of: ":") else {
      throw ValueSyntaxError(reason: "expected \(Self.forms), found \(QuotedText.shown(text))")
    }
    let host = text[..<colon]
    if IPAddress(text) != nil {
      throw ValueSyntaxError(reason: "an IPv6 address stands in brackets, as in \"[::1]:8000\"")
    }
    let port = try Self.port(text[text.index(after: colon)...])
    if host.isEmpty || host == "*" {
      throw ValueSyntaxError(
        reason: "no host in \(QuotedText.shown(text)); say \"0.0.0.0:\(port)\" or \"[::]:\(port)\" for all")
    }
    if host.hasPrefix("["), host.hasSuffix("]") {
      guard let address = IPAddress(host.dropFirst().dropLast()), host.utf8.contains(UInt8(ascii: ":")) else {
        throw ValueSyntaxError(reason: "\(QuotedText.shown(host)) is not an IPv6 address in brackets")
      }
      self = .inet(address, port: port)
    } else if host.utf8.contains(UInt8(ascii: ":")) {
      throw ValueSyntaxError(reason: "an IPv6 address stands in brackets, as in \"[::1]:8000\"")
    } else if let address = IPAddress(host == "localhost" ? "127.0.0.1" : host) {
      self = .inet(address, port: port)
    } else {
      throw ValueSyntaxError(
        reason: "\(QuotedText.shown(host)) is not an IPv4 address; names other than localhost are not looked up")
    }
  }

  private static func unix(_ path: Substring) throws(ValueSyntaxError) -> BindAddress {
    guard path.utf8.first == UInt8(ascii: "/") else {
      throw ValueSyntaxError(reason: "the path after unix: begins with /")
    }
    guard path.utf8.count <= maxPath else {
      throw ValueSyntaxError(reason: "the path of a unix socket has at most \(maxPath) bytes")
    }
    guard !path.utf8.contains(0) else { throw ValueSyntaxError(reason: "a NUL in the path") }
    return .unix(path: String(path))
  }

  private static func descriptor(_ text: Substring) throws(ValueSyntaxError) -> BindAddress {
    guard text.utf8.allSatisfy(isDigit), let number = Int32(text), number > 2 else {
      throw ValueSyntaxError(
        reason: "the number after fd: is that of an open descriptor, from 3 on, found \(QuotedText.shown(text))")
    }
    return .descriptor(number)
  }

  /// The allowed characters are those of `FileDescriptorName=`, systemd.socket(5).
  private static func systemd(_ name: Substring) throws(ValueSyntaxError) -> BindAddress {
    let isName = name.utf8.allSatisfy { (0x20...0x7E).contains($0) && $0 != UInt8(ascii: ":") }
    guard isName, (1...255).contains(name.utf8.count) else {
      throw ValueSyntaxError(
        reason: "the name after systemd: is FileDescriptorName= of the socket unit, found \(QuotedText.shown(name))")
    }
    return .systemd(name: String(name))
  }

  private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

  private static func port(_ text: Substring) throws(ValueSyntaxError) -> UInt16 {
    guard text.utf8.allSatisfy(isDigit), let port = UInt16(text) else {
      throw ValueSyntaxError(reason: "the port is a number from 0 to 65535, found \(QuotedText.shown(text))")
    }
    return port
  }
}
