/// What an HTTP/2 session calls: the driver of its connection, which keeps a record for each stream.
///
/// A table of C functions, so that a call neither allocates nor retains. `connection` is what the session was made with,
/// `stream` what `open` returned. None of them may call the session's `receive` or `produce`.
@safe
package struct HTTP2Driver {
  package typealias Pointer = UnsafeMutableRawPointer
  /// A request begins: the driver's record for the stream, or nil to refuse it.
  package typealias Open = @convention(c) (_ connection: Pointer, _ id: Int32) -> Pointer?
  /// Something of a stream's request has come: an `HTTP2Event`.
  package typealias Take = @convention(c) (_ connection: Pointer, _ stream: Pointer, _ event: UnsafeRawPointer) -> Void
  /// How many bytes of a stream's answer, at most `limit`, may go into a DATA frame now; `end` takes a `HTTP2BodyEnd`.
  package typealias Offer =
    @convention(c) (
      _ connection: Pointer, _ stream: Pointer, _ limit: Int, _ end: UnsafeMutablePointer<UInt8>
    ) -> Int
  /// Takes a DATA frame of `length` bytes of the answer, with the header before it; 0 where there is no room now.
  package typealias Frame =
    @convention(c) (
      _ connection: Pointer, _ stream: Pointer, _ header: UnsafePointer<UInt8>, _ length: Int
    ) -> Int32

  package let open: Open
  package let take: Take
  package let offer: Offer
  package let frame: Frame

  package init(open: @escaping Open, take: @escaping Take, offer: @escaping Offer, frame: @escaping Frame) {
    unsafe self.open = open
    unsafe self.take = take
    unsafe self.offer = offer
    unsafe self.frame = frame
  }
}

/// What comes of a stream's request, in this order; bytes and fields are valid during the call.
package enum HTTP2Event {
  /// One field of the head, pseudo-fields included, or of the trailers.
  case field(Field, inTrailers: Bool)
  /// The head is complete; `ends`: there is no body.
  case head(ends: Bool)
  case body(Bytes)
  /// The request is complete; `trailers`: those came before.
  case end(trailers: Bool)
  /// The answer's last frame is framed.
  case answered
  /// The stream is over for both sides; `code` is not 0 where it was reset. The record is not used again.
  case closed(code: UInt32)
}

/// What follows the bytes that are offered for a DATA frame.
package enum HTTP2BodyEnd: UInt8 {
  /// More, now or later; with no bytes at all: the session is to wait until `resume`.
  case open
  /// Nothing: the stream ends with them.
  case stream
  /// Trailers, which the driver has handed to the session already.
  case trailers
}

/// The bounds of `[http2]`.
package struct HTTP2Settings: Sendable {
  package var maxConcurrentStreams: UInt32 = 100
  package var initialWindowSize: UInt32 = 65_536
  package var maxFrameSize: UInt32 = 16_384
  /// As announced: uncompressed, with 32 bytes for each field (RFC 9113 section 6.5.2).
  package var maxHeaderListSize: UInt32 = 65_536
  package var floods = HTTP2FloodLimits()

  package init() {}
}
