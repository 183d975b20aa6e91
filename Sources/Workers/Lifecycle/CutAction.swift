/// What happens to a connection when requests are cut, by its phase. Pure.
enum CutAction: Equatable {
  /// There is nothing to cut, or the connection ends without that.
  case none
  /// The connection has no request: closes it.
  case close
  /// The response is complete: sends it, then closes the connection.
  case finish
  /// The response is complete and being sent: the connection serves no further request.
  case serveNoMore
  /// Does not read the rest of the request's body.
  case abortUnreadBody
  /// Refuses a head that is incomplete.
  case refuse
  case refuseExchange
  /// A thread owns the connection.
  case refuseHandedOff
  case refuseStreams

  init(_ phase: ConnectionPhase, hasOutput: Bool) {
    self =
      switch phase {
      case .free, .closing, .lingering: .none
      case .idle: hasOutput ? .finish : .close
      case .proxyHeader, .handshake, .upgraded: .close
      case .sending: .serveNoMore
      case .discarding: .abortUnreadBody
      case .head: .refuse
      case .exchange: .refuseExchange
      case .ownedByThread: .refuseHandedOff
      case .http2: .refuseStreams
      }
  }
}
