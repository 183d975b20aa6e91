import HTTP
import Platform
import PluginHost

// A client that closes its side may have left, or may wait for the response.

extension HTTP1Channel {
  /// The response is complete, and its client sends no more. Finds out whether the client has received it.
  @inline(never)
  func noteLossAfterHalfClose() {
    if request.record.isAccounted { return }
    request.record.framer.followsDeparture = true
    driver.transmitOutlined()
    guard ConnectedSocket.wasReset(connection.record.fd) else { return }
    if request.record.outcome == .complete && !request.record.framer.isAborted { request.record.outcome = .clientGone }
  }

  /// A client that closes its side may still wait for the response. If it answers the response with a reset, it did not
  /// receive it.
  func noteLoss(_ exchange: Exchange, succeeded: Bool) {
    guard request.record.framer.followsDeparture || isBroken else { return }
    driver.transmitOutlined()
    guard exchange.cancelled == .closed || ConnectedSocket.wasReset(connection.record.fd) else { return }
    request.record.responseEnded = false
    if request.record.outcome == .complete && !request.record.framer.isAborted { request.record.outcome = .clientGone }
    if !succeeded { request.record.framer.missesClient() }
  }
}
