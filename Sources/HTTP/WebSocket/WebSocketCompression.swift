/// permessage-deflate as it was negotiated, or as the server would have it (RFC 7692 section 7.1).
package struct WebSocketCompression: Sendable, Equatable {
  /// The server begins each message with an empty window.
  package var serverNoContextTakeover = false
  /// The client begins each message with an empty window, so that the server keeps none for it.
  package var clientNoContextTakeover = false
  /// The logarithm of the size of the server's window, 9 to 15: zlib has none of 8.
  package var serverWindowBits = 15
  /// The logarithm of the size of the client's window, 8 to 15.
  package var clientWindowBits = 15
  /// Whether the response states `clientWindowBits`; only if the client offers to be told (section 7.1.2.2).
  fileprivate(set) var statesClientWindowBits = false
  /// Whether the response states `serverWindowBits`.
  fileprivate(set) var statesServerWindowBits = false

  package init() {}

  /// What becomes of the offers in a Sec-WebSocket-Extensions field.
  package enum Negotiation: Sendable, Equatable {
    /// The first offer that can be met.
    case accepted(WebSocketCompression)
    /// No offer can be met: the connection goes without compression, unless another field has one.
    case declined
    /// The value is not what the grammar allows (RFC 6455 section 9.1): refuse the handshake with 400.
    case malformed
  }

  /// Negotiates the offers of a client.
  ///
  /// - Parameters:
  ///   - value: the value of a Sec-WebSocket-Extensions field.
  ///   - wanted: what the server would have. An offer may demand smaller windows and no context of it, not larger ones.
  package static func negotiate(_ value: Bytes, wanted: WebSocketCompression) -> Negotiation {
    var scanner = ExtensionScanner(value)
    var accepted: WebSocketCompression?
    repeat {
      guard let name = scanner.extensionName() else { return .malformed }
      var offer = WebSocketOffer(wanted)
      let isDeflate = name.equals(Bytes("permessage-deflate"))
      while scanner.hasParameter() {
        guard let parameter = scanner.parameter() else { return .malformed }
        offer.take(parameter)
      }
      if isDeflate && accepted == nil { accepted = offer.result }
    } while scanner.hasExtension()
    guard scanner.isAtEnd else { return .malformed }
    return accepted.map { .accepted($0) } ?? .declined
  }

  /// The length of the longest response.
  package static var longestResponse: Int { 128 }

  /// Appends the value of the response's Sec-WebSocket-Extensions.
  package func append(to writer: inout ByteWriter) {
    writer.append("permessage-deflate")
    if serverNoContextTakeover { writer.append("; server_no_context_takeover") }
    if clientNoContextTakeover { writer.append("; client_no_context_takeover") }
    if statesServerWindowBits {
      writer.append("; server_max_window_bits=")
      writer.append(decimal: UInt64(clamping: serverWindowBits))
    }
    if statesClientWindowBits {
      writer.append("; client_max_window_bits=")
      writer.append(decimal: UInt64(clamping: clientWindowBits))
    }
  }
}

/// One offer of permessage-deflate while its parameters are read.
private struct WebSocketOffer {
  private struct Seen: OptionSet {
    let rawValue: UInt8
    static let serverNoContextTakeover = Seen(rawValue: 1)
    static let clientNoContextTakeover = Seen(rawValue: 2)
    static let serverWindowBits = Seen(rawValue: 4)
    static let clientWindowBits = Seen(rawValue: 8)
  }

  private var agreed: WebSocketCompression
  private var seen: Seen = []
  /// No parameter is unknown, repeated, or has a value that it can't have (RFC 7692 section 7.1).
  private var isValid = true

  init(_ wanted: WebSocketCompression) {
    agreed = wanted
    agreed.serverWindowBits = min(15, max(9, wanted.serverWindowBits))
    agreed.clientWindowBits = min(15, max(8, wanted.clientWindowBits))
    agreed.statesServerWindowBits = false
    agreed.statesClientWindowBits = false
  }

  mutating func take(_ parameter: ExtensionScanner.Parameter) {
    let (name, value) = (parameter.name, parameter.value)
    if name.equals(Bytes("server_no_context_takeover")) {
      note(.serverNoContextTakeover, value == nil)
      agreed.serverNoContextTakeover = true
    } else if name.equals(Bytes("client_no_context_takeover")) {
      note(.clientNoContextTakeover, value == nil)
      agreed.clientNoContextTakeover = true
    } else if name.equals(Bytes("server_max_window_bits")) {
      let bits = value.flatMap(WebSocketOffer.windowBits)
      // zlib has no window of 8 bits, and a larger one is not what the client asks for.
      note(.serverWindowBits, bits.map { $0 > 8 } ?? false)
      agreed.serverWindowBits = min(agreed.serverWindowBits, bits ?? 15)
    } else if name.equals(Bytes("client_max_window_bits")) {
      let bits = value.map(WebSocketOffer.windowBits) ?? 15
      note(.clientWindowBits, bits != nil)
      agreed.clientWindowBits = min(agreed.clientWindowBits, bits ?? 15)
    } else {
      isValid = false
    }
  }

  private mutating func note(_ parameter: Seen, _ isWellFormed: Bool) {
    if !isWellFormed || !seen.insert(parameter).inserted { isValid = false }
  }

  /// 8 to 15, without leading zeros.
  private static func windowBits(_ value: Bytes) -> Int? {
    guard value.count <= 2, value[0] != UInt8(ascii: "0"), let bits = DecimalLength.parse(value) else { return nil }
    return (8...15).contains(bits) ? Int(bits) : nil
  }

  /// What is agreed; nil if the offer has to be declined.
  var result: WebSocketCompression? {
    guard isValid else { return nil }
    var result = agreed
    // A client that does not offer to be told uses any window.
    if !seen.contains(.clientWindowBits) { result.clientWindowBits = 15 }
    result.statesClientWindowBits = result.clientWindowBits < 15
    result.statesServerWindowBits = seen.contains(.serverWindowBits) || result.serverWindowBits < 15
    return result
  }
}
