/// The functions that an HTTP/2 session calls on its owner, which keeps a record for each stream.
///
/// A table of C functions, so that a call neither allocates nor retains. `connection` is the value from the session's
/// init, `stream` the one that `open` returned. No function may call the session's `receive` or `produce`.
@safe
package struct HTTP2SessionDelegate {
  package typealias Pointer = UnsafeMutableRawPointer
  /// A request begins. Returns the record for the stream, or nil to refuse it.
  package typealias Open = @convention(c) (_ connection: Pointer, _ id: Int32) -> Pointer?
  /// A part of a stream's request has arrived, as an `HTTP2Event`.
  package typealias DidReceive =
    @convention(c) (_ connection: Pointer, _ stream: Pointer, _ event: UnsafeRawPointer) -> Void
  /// How many bytes of a stream's response, at most `limit`, can go into a DATA frame now. Writes an `HTTP2BodyEnd` to `end`.
  package typealias ReadableBytes =
    @convention(c) (
      _ connection: Pointer, _ stream: Pointer, _ limit: Int, _ end: UnsafeMutablePointer<UInt8>
    ) -> Int
  /// Writes a DATA frame: the header, and `length` bytes of the response. Returns 0 if it is written, an error of nghttp2 if there
  /// is no room now.
  package typealias WriteFrame =
    @convention(c) (
      _ connection: Pointer, _ stream: Pointer, _ header: UnsafePointer<UInt8>, _ length: Int
    ) -> Int32

  package let open: Open
  package let didReceive: DidReceive
  package let readableBytes: ReadableBytes
  package let writeFrame: WriteFrame

  package init(
    open: @escaping Open, didReceive: @escaping DidReceive, readableBytes: @escaping ReadableBytes,
    writeFrame: @escaping WriteFrame
  ) {
    unsafe self.open = open
    unsafe self.didReceive = didReceive
    unsafe self.readableBytes = readableBytes
    unsafe self.writeFrame = writeFrame
  }
}

/// What follows the bytes of a DATA frame.
package enum HTTP2BodyEnd: UInt8 {
  /// More, now or later. Without bytes the session waits for `resume`.
  case open
  /// The end of the stream.
  case stream
  /// Trailers, which were submitted to the session already.
  case trailers
}
