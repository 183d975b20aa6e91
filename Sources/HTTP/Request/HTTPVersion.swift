/// The supported protocol versions, with the numbers of the plugin ABI.
package enum HTTPVersion: UInt32, Sendable {
  case http10 = 10
  case http11 = 11
  case http2 = 20

  // The same as `==`, which would call the protocol's operator from another module.
  package var isHTTP10: Bool { if case .http10 = self { true } else { false } }
  package var isHTTP2: Bool { if case .http2 = self { true } else { false } }
}
