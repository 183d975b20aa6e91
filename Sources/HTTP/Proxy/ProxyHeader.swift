/// The PROXY protocol, versions 1 and 2 (haproxy's proxy-protocol.txt): a header before the first request that names
/// the proxy's client.
package enum ProxyHeader {
  /// The versions that a listener accepts.
  package enum Accepted: Sendable {
    case v1, v2, any
  }

  package enum Endpoint {
    /// A textual address of version 1, not yet validated.
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

  /// Whose requests follow the header.
  package enum Client {
    /// The proxy's own (LOCAL, for health checks).
    case proxy
    /// Those of a client whose address the proxy does not know or can't express.
    case unknown
    case known(Route)
  }

  package enum Progress {
    case incomplete
    /// The header has `length` bytes. `tls` is nil if the proxy does not report it.
    case complete(length: Int, Client, tls: TLS?)
    case refused(Refusal)
  }

  /// A result is certain after so many bytes: a buffer of this size is large enough.
  package static let longest = fixedBinary + longestBinary

  /// The longest line of version 1; the fixed part of a version 2 header, and its maximum variable length.
  private static let longestLine = 107
  private static let fixedBinary = 16
  private static let longestBinary = 4096

  private static var signature: Bytes { Bytes("\r\n\r\n\0\r\nQUIT\n") }

  /// Parses the header at the start of `bytes`, which may be incomplete. The result depends only on the bytes.
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
    if family.equals(Bytes("UNKNOWN")) { return .complete(length: end + 1, .unknown, tls: nil) }
    guard family.equals(Bytes("TCP4")) || family.equals(Bytes("TCP6")), let source = words.next(),
      let destination = words.next(), let sourcePort = words.next().flatMap(port),
      let destinationPort = words.next().flatMap(port), words.isAtEnd,
      isOfFamily(family, source) && isOfFamily(family, destination)
    else { return .refused(.malformedProxyHeader) }
    let route = Route(
      source: .text(source), sourcePort: sourcePort, destination: .text(destination),
      destinationPort: destinationPort)
    return .complete(length: end + 1, .known(route), tls: nil)
  }

  private static func isOfFamily(_ family: Bytes, _ address: Bytes) -> Bool {
    family[3] == UInt8(ascii: "4") ? IPLiteral.isIPv4(address) : IPLiteral.isIPv6(address)
  }

  /// Words separated by single spaces.
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
    // Only TCP has addresses to report. For datagrams, unix sockets and unspecified families the client remains the
    // peer.
    let sizes: (address: Int, all: Int)
    switch (bytes[13] >> 4, bytes[13] & 15) {
    case _ where isLocal: sizes = (0, 0)  // the family is ignored
    case (1, 1): sizes = (4, 12)
    case (2, 1): sizes = (16, 36)
    case (0, 0...2): sizes = (0, 0)
    case (1, 0...2): sizes = (0, 12)
    case (2, 0...2): sizes = (0, 36)
    case (3, 0...2): sizes = (0, 216)
    default: return .refused(.malformedProxyHeader)
    }
    let addressSize = sizes.address
    guard addressSize == 0 || length >= sizes.all else { return .refused(.malformedProxyHeader) }
    guard bytes.count >= fixed + length else { return .incomplete }
    if isLocal { return .complete(length: fixed + length, .proxy, tls: nil) }
    let tls = length < sizes.all ? nil : readTLS(in: bytes.slice(fixed + sizes.all, fixed + length))
    guard addressSize > 0 else { return .complete(length: fixed + length, .unknown, tls: tls) }
    let ports = fixed + 2 * addressSize
    let route = Route(
      source: .raw(bytes.slice(fixed, fixed + addressSize)),
      sourcePort: UInt16(bytes[ports]) << 8 | UInt16(bytes[ports + 1]),
      destination: .raw(bytes.slice(fixed + addressSize, ports)),
      destinationPort: UInt16(bytes[ports + 2]) << 8 | UInt16(bytes[ports + 3]))
    return .complete(length: fixed + length, .known(route), tls: tls)
  }
}
