/// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): a header before the first request that tells who
/// is at the other end of the proxy.
package enum ProxyHeader {
  /// Which versions a listener takes.
  package enum Accepted: Sendable {
    case v1, v2, any
  }

  package enum Endpoint {
    /// An address in words, as version 1 has it; not yet known to be one.
    case text(Bytes)
    /// Four or sixteen bytes in network order.
    case raw(Bytes)
  }

  package struct Route {
    package let source: Endpoint
    package let sourcePort: UInt16
    package let destination: Endpoint
    package let destinationPort: UInt16
  }

  /// Whose words follow the header.
  package enum Client {
    /// The proxy's own (LOCAL, for health checks).
    case proxy
    /// Those of a client whose address the proxy does not know, or can't tell.
    case unknown
    case known(Route)
  }

  package enum Progress {
    case incomplete
    /// The header is `length` bytes long.
    case complete(length: Int, Client)
    case refused(Refusal)
  }

  /// So many bytes have a verdict, whatever they are: a buffer that holds them is large enough.
  package static let longest = fixedBinary + longestBinary

  /// The longest version 1 line; the first part of a version 2 header, and the most that it says follows.
  private static let longestLine = 107
  private static let fixedBinary = 16
  private static let longestBinary = 4096

  private static var signature: Bytes { Bytes("\r\n\r\n\0\r\nQUIT\n") }

  /// Reads the header at the start of `bytes`, which may still grow. Every verdict depends on the bytes alone.
  package static func parse(_ bytes: Bytes, _ accepted: Accepted) -> Progress {
    guard !bytes.isEmpty else { return .incomplete }
    if bytes[0] == signature[0] { return accepted == .v1 ? .refused(.malformedProxyHeader) : version2(bytes) }
    return accepted == .v2 ? .refused(.malformedProxyHeader) : version1(bytes)
  }

  // MARK: Version 1

  /// `PROXY TCP4 source destination port port CRLF`, or `PROXY UNKNOWN … CRLF`.
  private static func version1(_ bytes: Bytes) -> Progress {
    let prefix = Bytes("PROXY ")
    for index in 0..<min(bytes.count, prefix.count) where bytes[index] != prefix[index] {
      return .refused(.malformedProxyHeader)
    }
    var end = 0
    while end < min(bytes.count, longestLine) && bytes[end] != ASCII.lf { end += 1 }
    guard end < bytes.count else { return .incomplete }
    guard end < longestLine, end > 0, bytes[end - 1] == ASCII.cr else { return .refused(.malformedProxyHeader) }
    var words = Words(bytes.slice(prefix.count, end - 1))
    guard let family = words.next() else { return .refused(.malformedProxyHeader) }
    if family.equals(Bytes("UNKNOWN")) { return .complete(length: end + 1, .unknown) }
    guard family.equals(Bytes("TCP4")) || family.equals(Bytes("TCP6")), let source = words.next(),
      let destination = words.next(), let sourcePort = words.next().flatMap(port),
      let destinationPort = words.next().flatMap(port), words.isAtEnd,
      isOfFamily(family, source) && isOfFamily(family, destination)
    else { return .refused(.malformedProxyHeader) }
    let route = Route(
      source: .text(source), sourcePort: sourcePort, destination: .text(destination),
      destinationPort: destinationPort)
    return .complete(length: end + 1, .known(route))
  }

  private static func isOfFamily(_ family: Bytes, _ address: Bytes) -> Bool {
    family[3] == UInt8(ascii: "4") ? IPLiteral.isIPv4(address) : IPLiteral.isIPv6(address)
  }

  /// Words with one space between them.
  private struct Words {
    private let bytes: Bytes
    private var position = 0

    init(_ bytes: Bytes) { self.bytes = bytes }

    var isAtEnd: Bool { position > bytes.count }

    mutating func next() -> Bytes? {
      guard position < bytes.count else { return nil }
      let start = position
      while position < bytes.count && bytes[position] != ASCII.space { position += 1 }
      let word = bytes.slice(start, position)
      position += 1
      return word.isEmpty ? nil : word
    }
  }

  private static func port(_ digits: Bytes) -> UInt16? {
    guard digits.count <= 5, digits.count == 1 || digits[0] != 0x30, let number = DecimalLength.parse(digits) else {
      return nil
    }
    return UInt16(exactly: number)
  }

  // MARK: Version 2

  private static func version2(_ bytes: Bytes) -> Progress {
    for index in 0..<min(bytes.count, signature.count) where bytes[index] != signature[index] {
      return .refused(.malformedProxyHeader)
    }
    let fixed = fixedBinary
    if bytes.count > 12 && (bytes[12] >> 4 != 2 || bytes[12] & 15 > 1) { return .refused(.malformedProxyHeader) }
    guard bytes.count >= fixed else { return .incomplete }
    let length = Int(bytes[14]) << 8 | Int(bytes[15])
    guard length <= longestBinary else { return .refused(.malformedProxyHeader) }
    let isLocal = bytes[12] & 15 == 0
    let addressSize: Int
    switch bytes[13] {
    case _ where isLocal: addressSize = 0  // the family is ignored
    case 0x11: addressSize = 4
    case 0x21: addressSize = 16
    case 0x00, 0x31: addressSize = 0  // unspecified, or a unix socket: no addresses to tell
    default: return .refused(.malformedProxyHeader)
    }
    guard addressSize == 0 || length >= 2 * addressSize + 4 else { return .refused(.malformedProxyHeader) }
    guard bytes.count >= fixed + length else { return .incomplete }
    guard addressSize > 0 else { return .complete(length: fixed + length, isLocal ? .proxy : .unknown) }
    let ports = fixed + 2 * addressSize
    let route = Route(
      source: .raw(bytes.slice(fixed, fixed + addressSize)),
      sourcePort: UInt16(bytes[ports]) << 8 | UInt16(bytes[ports + 1]),
      destination: .raw(bytes.slice(fixed + addressSize, ports)),
      destinationPort: UInt16(bytes[ports + 2]) << 8 | UInt16(bytes[ports + 3]))
    return .complete(length: fixed + length, .known(route))
  }
}
