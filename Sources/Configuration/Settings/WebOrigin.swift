/// An origin of the Web: scheme, host and port (RFC 6454). In its serialized form a port that is not written is the
/// default one of the scheme, and the case of scheme and host does not matter.
package struct WebOrigin: Sendable, Hashable, CustomStringConvertible {
  private let scheme: String
  private let host: String
  /// Nil for a scheme whose default port is unknown.
  private let port: UInt16?

  /// The maximum length of the serialized form: that of a host name, with room for scheme and port.
  private static let longest = 320

  /// Parses the serialized form (RFC 6454 section 6.2). `null` is no origin: it stands for one that equals no other.
  package init?(_ text: some StringProtocol) {
    guard text.utf8.count <= WebOrigin.longest, let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")),
      text[colon...].hasPrefix("://")
    else { return nil }
    let scheme = text[..<colon].lowercased()
    let authority = text[text.utf8.index(colon, offsetBy: 3)...]
    guard WebOrigin.isScheme(scheme), let end = WebOrigin.endOfHost(authority),
      let host = WebOrigin.host(authority[..<end])
    else { return nil }
    self.scheme = scheme
    self.host = host
    if end == authority.endIndex {
      port = WebOrigin.defaultPort(scheme)
    } else {
      let digits = authority[authority.utf8.index(after: end)...]
      guard digits.utf8.allSatisfy(WebOrigin.isDigit), let number = UInt16(digits), number > 0 else { return nil }
      port = number
    }
  }

  package var description: String {
    let written = port == WebOrigin.defaultPort(scheme) ? nil : port
    return "\(scheme)://\(host)\(written.map { ":\($0)" } ?? "")"
  }

  /// Those of RFC 9110 section 4.2 and of RFC 6455 section 3.
  private static func defaultPort(_ scheme: String) -> UInt16? {
    switch scheme {
    case "http", "ws": 80
    case "https", "wss": 443
    default: nil
    }
  }

  /// Where the host ends: at the colon before the port, which one within brackets is not.
  private static func endOfHost(_ authority: some StringProtocol) -> String.Index? {
    guard authority.utf8.first == UInt8(ascii: "[") else {
      return authority.utf8.firstIndex(of: UInt8(ascii: ":")) ?? authority.endIndex
    }
    guard let bracket = authority.utf8.firstIndex(of: UInt8(ascii: "]")) else { return nil }
    let end = authority.utf8.index(after: bracket)
    return end == authority.endIndex || authority.utf8[end] == UInt8(ascii: ":") ? end : nil
  }

  /// The host in lower case; nil if it is none. International names are in their ASCII form, as browsers send them.
  private static func host(_ text: some StringProtocol) -> String? {
    if text.utf8.first == UInt8(ascii: "[") {
      let address = text.dropFirst().dropLast()
      guard address.utf8.contains(UInt8(ascii: ":")), let parsed = IPAddress(address) else { return nil }
      return parsed.isIPv4 ? text.lowercased() : "[\(parsed)]"
    }
    let isName = text.utf8.allSatisfy { isLetter($0) || isDigit($0) || [0x2D, 0x2E, 0x5F].contains($0) }
    return isName && !text.isEmpty ? text.lowercased() : nil
  }

  /// RFC 3986 section 3.1.
  private static func isScheme(_ text: String) -> Bool {
    guard let first = text.utf8.first, isLetter(first) else { return false }
    return text.utf8.allSatisfy { isLetter($0) || isDigit($0) || [0x2B, 0x2D, 0x2E].contains($0) }
  }

  private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7A).contains(byte | 0x20) }
  private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }
}

/// The origins whose pages may open WebSockets.
package enum AllowedOrigins: Sendable, Hashable {
  case all
  case some([WebOrigin])

  /// Whether the value of an Origin field names one of them.
  package func contains(_ value: String) -> Bool {
    switch self {
    case .all: true
    case .some(let origins): WebOrigin(value).map { origins.contains($0) } ?? false
    }
  }

  /// Reads an element of an array that is not `["*"]`.
  static func element(_ text: String) throws(ValueSyntaxError) -> WebOrigin {
    if let origin = WebOrigin(text) { return origin }
    throw ValueSyntaxError(
      reason: "expected an origin such as \"https://example.org\", found \(QuotedText.shown(text))\(hint(text))")
  }

  /// What the author of an array has most likely meant.
  private static func hint(_ text: String) -> String {
    if text == "*" { return "; all origins are [\"*\"] alone" }
    if text.contains("://*") { return "; each host is listed by itself" }
    // A URL has a path behind its origin, if only a slash.
    if let scheme = text.utf8.firstIndex(of: UInt8(ascii: ":")), text[scheme...].hasPrefix("://"),
      let path = text[text.utf8.index(scheme, offsetBy: 3)...].utf8.firstIndex(of: UInt8(ascii: "/")),
      let origin = WebOrigin(text[..<path])
    {
      return "; did you mean \"\(origin)\"?"
    }
    if text == "null" { return "" }
    return WebOrigin("https://\(text)").map { "; did you mean \"\($0)\"?" } ?? ""
  }

  /// The elements from which an equal value is made.
  var texts: [String] {
    switch self {
    case .all: ["*"]
    case .some(let origins): origins.map(\.description)
    }
  }
}
