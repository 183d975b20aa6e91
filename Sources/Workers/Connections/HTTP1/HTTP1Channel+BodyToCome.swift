import HTTP
import PluginHost

// The last response of a connection whose client is still sending content that nobody will read. Our side ends when
// that content has come or has stalled. Some proxies, such as hitch, discard the unsent part of a response when the
// connection on which they are sending ends.

extension HTTP1Channel {
  /// How much unread content the client has yet to send after a response that closes the connection; `.max` if unknown.
  /// For the thread that reads the body.
  @inline(never)
  func bodyToCome() -> Int64 {
    guard request.record.began != 0, !request.record.bodyEnded, !request.record.framer.endsByClose else { return 0 }
    if let refusal = request.record.decoder.refusal, refusal != .bodyTooLarge { return 0 }
    let unread = connection.source?.unreadCount ?? 0
    // The client keeps its body back until it gets a 100 (Continue).
    if request.head.traits.contains(.expectsContinue) && !request.record.continueSent && unread == 0 { return 0 }
    if let length = request.record.decoder.remainingLength { return max(0, length - Int64(unread)) }
    var ahead = BodyAhead(decoder: request.record.decoder, limit: .max)
    return ahead.reachesEnd(in: connection.source) || ahead.isInTrailers || ahead.isMalformed ? 0 : .max
  }

  /// The last response is queued: the connection ends when it has been sent and the rest of the content has come.
  @inline(never)
  func finishConnection(lingering: Bool = true) {
    let rest = bodyToCome()
    if rest == .max {
      var ahead = BodyAhead(decoder: request.record.decoder, limit: .max)
      if !ahead.reachesEnd(in: connection.source) && !ahead.isLarge {
        worker.record.table.setUnreadBody(connection, ahead.decoder)
      }
    }
    let driver = self.driver
    driver.releaseRequest()
    driver.finish(lingering: lingering, rest: rest)
  }
}
