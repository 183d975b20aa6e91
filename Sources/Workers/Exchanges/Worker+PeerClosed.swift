import Platform
import PluginHost

extension Worker {
  /// Tells the exchange of `request` that its client has closed or half-closed. Both look alike: the operator
  /// configures what that means (RFC 9112 section 9.6 allows both).
  func notePeerClosed(of request: Request, _ state: ConnectedSocket.PeerState) {
    guard state != .present, let exchange = request.record.exchange else { return }
    exchange.recordPeerClose(state == .gone || record.settings.abortsOnHalfClose ? .gone : .halfClosed)
  }
}
