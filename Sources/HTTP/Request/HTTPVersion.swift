/// The protocol versions served, numbered as the plugin ABI does.
package enum HTTPVersion: UInt32, Sendable {
  case http10 = 10
  case http11 = 11
  case http2 = 20

  // As `==`, which from another module would go through the protocol.
  package var isHTTP10: Bool { if case .http10 = self { true } else { false } }
  package var isHTTP2: Bool { if case .http2 = self { true } else { false } }
}
