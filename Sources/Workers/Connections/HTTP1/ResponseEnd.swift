/// What follows on an HTTP/1 connection when a response has been sent. Pure.
enum ResponseEnd: Equatable {
  case nextRequest
  /// The rest of the request's body is discarded first.
  case discardBody
  /// - Parameter lingers: whether the client may have sent, or be sending, bytes that nobody will read.
  case close(lingers: Bool)

  /// - Parameters:
  ///   - closes: the response's head announced the close, or the end of the request can't be found.
  ///   - isHalfClosed: the client sends no more.
  ///   - bodyEnded: the request's body is complete.
  ///   - hasInput: more than the request has been read, or may be in the socket.
  ///   - isClientsWish: the client or the worker model wants the close, and not only a draining server.
  @inline(__always)
  init(
    closes: Bool, isHalfClosed: Bool, bodyEnded: Bool, hasInput: @autoclosure () -> Bool,
    isClientsWish: @autoclosure () -> Bool
  ) {
    if closes || isHalfClosed && !hasInput() {
      // A client that did not ask for the close may have sent more (RFC 9112 section 9.6). A client that did ask, or
      // one under sync, where others wait meanwhile, lingers only if more has already come.
      self = .close(lingers: !isClientsWish() || !bodyEnded || hasInput())
    } else {
      self = bodyEnded ? .nextRequest : .discardBody
    }
  }
}
