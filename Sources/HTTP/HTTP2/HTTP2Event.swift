/// A session's report about a stream's request, in this order. Bytes and fields are valid during the call.
package enum HTTP2Event {
  /// One field of the head, pseudo-fields included, or of the trailers.
  case field(Field, inTrailers: Bool)
  /// The head is complete; `ends`: there is no content.
  case head(ends: Bool)
  case body(Bytes)
  /// The request is complete; `trailers`: it has ended with trailers.
  case end(trailers: Bool)
  /// The last frame of the response is written.
  case responseEnded
  /// The stream is closed; `code` is not 0 if it was reset. The record is not used again.
  case closed(code: UInt32)
}
