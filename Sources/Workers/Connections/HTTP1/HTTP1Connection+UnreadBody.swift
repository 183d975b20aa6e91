import HTTP
import PluginHost

// The rest of a request's body after its response.

extension HTTP1Connection {
  /// Discards the rest of a body that nobody reads. The rest is short, or the handler stopped reading within it, and
  /// the response's head announced keep-alive. The pace limits are those of a body that is read.
  @inline(never)
  func discardBody() -> Bool {
    guard let channel else { return false }
    let request = channel.request
    var budget = RequestBody.bytesPerTurn
    while budget > 0 {
      switch channel.nextBody() {
      case .bytes(let bytes):
        budget -= bytes.count
        request.record.bodyProgress.moved(bytes.count, worker.record.clock.now)
      case .end:
        nextRequest()
        return true
      case .wait: return false
      case .refused, .gone:
        abortUnreadBody()
        return true
      }
    }
    driver.queue()
    return false
  }

  /// Handles the deadline of an unread body.
  func expireUnread() {
    guard let request = connection.record.request else { return }
    let pace = worker.pace(of: request)
    switch request.record.bodyProgress.judge(worker.record.clock.now, timeout: pace.body, rate: pace.minRate) {
    case .fine(let moment): driver.lowerDeadline(moment)
    case .stalled, .tooSlow: abortUnreadBody()
    }
  }

  /// Aborts a body that the client is still sending.
  func abortUnreadBody() {
    driver.releaseRequest()
    driver.finish()
  }
}
