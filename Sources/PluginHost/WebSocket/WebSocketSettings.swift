import HTTP

/// What `[websocket]` of the configuration sets for all WebSockets of a worker.
package struct WebSocketSettings: Sendable {
  package let limits: WebSocketLimits
  package let timing: WebSocketTiming
  /// What the server would have of permessage-deflate; nil for none.
  package let compression: WebSocketCompression?

  package init(limits: WebSocketLimits, timing: WebSocketTiming, compression: WebSocketCompression?) {
    self.limits = limits
    self.timing = timing
    self.compression = compression
  }
}
