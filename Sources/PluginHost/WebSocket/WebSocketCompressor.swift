import HTTP

/// Compresses whole messages of a plugin, where permessage-deflate was negotiated (RFC 7692).
///
/// Parts of messages, and messages that would hardly become smaller, are sent as they are: each message says for itself
/// whether it is compressed.
final class WebSocketCompressor {
  /// The shortest message that is compressed, in bytes.
  static let least = 64
  /// The longest one: what is compressed is copied, and compressing blocks the loop.
  static let most = 1 << 20
  /// The memory that is kept between messages, in bytes.
  private static let kept = 4096

  private var deflater: WebSocketDeflater
  private var output = GrowingMemory<UInt8>(first: 256, most: 2 * most)
  /// The compressor has failed. No message is compressed any more.
  private var isBroken = false

  init(_ compression: WebSocketCompression) { deflater = WebSocketDeflater(compression) }

  func takes(_ length: Int) -> Bool {
    !isBroken && length >= WebSocketCompressor.least && length <= WebSocketCompressor.most
  }

  /// Calls `body` with the compressed message, valid during the call; with nil if that failed.
  func compress(_ message: Bytes, _ body: (Bytes?) -> CallStatus) -> CallStatus {
    guard deflater.deflate(message, into: &output) else {
      isBroken = true
      return body(nil)
    }
    defer { output.empty(keeping: WebSocketCompressor.kept) }
    return body(output.bytes)
  }
}
