import HTTP
import Platform

// A stream whose response is complete before its request. The rest of the request is discarded for a moment, within
// `limits.drain`: many clients have only END_STREAM left to send, and treat a reset as a failure (RFC 9113 section
// 8.1). A longer rest, or one that takes longer, is ended by RST_STREAM with NO_ERROR.

extension HTTP2Channel {
  /// The longest pause, and the maximum time in all.
  private static let pause = 250 * Clock.nanosecondsPerMillisecond
  private static let most = Clock.nanosecondsPerSecond

  /// The handler has returned, and can no longer read the body.
  func discardUnreadBody() {
    let flags = request.record.stream.flags
    guard flags.contains(.framed), flags.isDisjoint(with: [.inputEnded, .closed, .discarding]) else { return }
    if let http2 { discardBody(http2) }
  }

  /// The response to `request` is framed completely, and no handler may read its body.
  func discardBody(_ http2: HTTP2Connection) {
    let id = request.record.stream.id
    let unread = http2.record.session.uncredited(id)
    // Bytes that the open window allows anyway are not counted.
    let open = max(0, worker.record.settings.http2.initialWindowSize - unread)
    guard mayEndSoon(within: Int64(worker.record.settings.drainLimit + open)) else { return refuseRest() }
    request.record.stream.flags.insert(.discarding)
    request.record.stream.drained = -open
    request.record.stream.progress.begin(worker.record.clock.now)
    http2.record.session.openWindow(id, by: min(unread, worker.record.settings.drainLimit))
    waitForEnd()
  }

  private func mayEndSoon(within most: Int64) -> Bool {
    if let failure = request.record.stream.failure, failure != .bodyTooLarge { return false }
    // The client may have kept the body back until it gets a 100 (Continue).
    let keepsBack = request.head.traits.contains(.expectsContinue) && !request.record.continueSent
    if keepsBack && request.record.stream.received == 0 { return false }
    guard case .fixed(let length) = request.head.framing else { return true }
    return length - request.record.stream.received <= most
  }

  /// Counts discarded bytes.
  func discard(_ count: Int) {
    request.record.stream.drained += count
    guard request.record.stream.drained <= worker.record.settings.drainLimit else { return refuseRest() }
    request.record.stream.progress.moved(count, worker.record.clock.now)
    http2?.record.session.credit(request.record.stream.id, count)
    waitForEnd()
  }

  /// Sets the deadline for the rest of the body. A handler's thread may still have the request.
  func waitForEnd() {
    let progress = request.record.stream.progress
    setDeadline(min(progress.lastByte &+ Self.pause, progress.windowStart &+ Self.most))
  }

  /// Resets the stream instead of reading the rest of the body.
  func refuseRest() {
    http2?.record.session.reset(request.record.stream.id, .noError)
    stopDiscarding()
    queue()
  }

  /// The stream has ended, or is being reset: the handler's deadline applies again if a handler still runs.
  func stopDiscarding() {
    request.record.stream.flags.remove(.discarding)
    if request.record.exchange != nil { setDeadline(worker.requestDeadline(request)) }
  }
}
