/// What of a client's frames and messages is accepted. All sizes are bytes of payload.
package struct WebSocketLimits: Sendable {
  /// The largest frame, as it is on the wire: compressed if the message is compressed.
  package var maxFrame: Int
  /// The largest message, uncompressed. With `WebSocketReader.deliversParts`: the largest part of one.
  package var maxMessage: Int
  /// The largest ratio of a compressed message's size to that of what it is inflated from. Refuses compression bombs
  /// before they reach `maxMessage`, and those that arrive in parts.
  package var maxRatio = 200
  /// A compressed message up to this size may have any ratio. Deflate makes a thousand equal bytes from one.
  package var freeOfRatio = 1 << 20

  package init(maxFrame: Int, maxMessage: Int) {
    self.maxFrame = max(0, maxFrame)
    self.maxMessage = max(1, maxMessage)
  }
}
