/// The scheme that a trusted proxy reports for the client.
package enum ForwardedScheme {
  case http, https

  /// The scheme of that name; a WebSocket scheme counts as that of its handshake.
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
