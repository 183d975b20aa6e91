/// The scheme that trusted proxies say the client used.
package enum ForwardedScheme {
  case http, https

  /// By its name; WebSocket schemes are those of their handshake.
  package init?(_ name: Bytes) {
    if name.equalsIgnoringCase("https") || name.equalsIgnoringCase("wss") {
      self = .https
    } else if name.equalsIgnoringCase("http") || name.equalsIgnoringCase("ws") {
      self = .http
    } else {
      return nil
    }
  }

  package var name: Bytes { self == .https ? Bytes("https") : Bytes("http") }
}
