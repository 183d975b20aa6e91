import HTTP
import Platform

/// An accepted WebSocket of an exchange.
///
/// The fields of the receiving side belong to the loop, those of the sending side to the holder of the send lock.
package final class WebSocket {
  // MARK: Receiving

  package var reader: WebSocketReader
  package var message: GrowingMemory<UInt8>
  /// What the client has sent behind the last delivered message, for which there was no credit, and how much of it has been
  /// read since.
  package private(set) var rest: [UInt8] = []
  package private(set) var restRead = 0
  /// The loop has begun to read frames.
  package var hasBegun = false
  /// The code of the client's Close, if it has come.
  package private(set) var peerCode: UInt32?
  package var timing: WebSocketTiming

  // MARK: Rest of the input

  package var hasRest: Bool { restRead < rest.count }

  package func keep(_ bytes: Bytes) {
    rest = (0..<bytes.count).map { bytes[$0] }
    restRead = 0
  }

  package func readRest(_ count: Int) {
    restRead += count
    if hasRest { return }
    rest = []
    restRead = 0
  }

  // MARK: Sending

  /// A message of several parts is not complete.
  var isInMessage = false
  /// Nil without permessage-deflate.
  var compressor: WebSocketCompressor?
  /// The code of the Close that was sent: by the plugin, or by the host because of the client, a deadline or a drain.
  package private(set) var ownCode: UInt32?
  package private(set) var isClosedByHost = false
  private(set) var isClosedByPlugin = false
  package var hasSentClose: Bool { ownCode != nil }

  /// The memory for a first message, in bytes.
  private static let firstMemory = 256

  package init(
    _ limits: WebSocketLimits, deliversParts: Bool, _ timing: WebSocketTiming, _ compression: WebSocketCompression?
  ) {
    reader = WebSocketReader(limits, compression: compression)
    compressor = compression.map { WebSocketCompressor($0) }
    reader.deliversParts = deliversParts
    message = GrowingMemory(first: WebSocket.firstMemory, most: limits.maxMessage)
    self.timing = timing
  }

  /// The code of the Close that came first, of either side; nil if there was none.
  private(set) var firstCode: UInt32?

  /// [loop, with the send lock] Notes that a Close has come.
  package func notePeerClose(_ code: UInt32) {
    peerCode = code
    if firstCode == nil { firstCode = code }
  }

  /// Notes that a Close was sent.
  func noteClose(_ code: UInt32, byHost: Bool) {
    if firstCode == nil { firstCode = code == 0 ? UInt32(WebSocketCloseCode.absent) : code }
    ownCode = code
    isClosedByHost = byHost
  }

  func noteCloseOfPlugin() { isClosedByPlugin = true }
}

/// When a WebSocket is pinged and closed, in monotonic nanoseconds; 0 for a span means never.
package struct WebSocketTiming: Sendable {
  package let pingInterval: UInt64
  package let pingTimeout: UInt64
  package let idleTimeout: UInt64
  package let closeTimeout: UInt64

  /// When the client was last heard, and when the last message passed in either direction.
  private var heardAt: UInt64 = 0
  private var usedAt: UInt64 = 0
  /// When a ping was sent that nothing has answered; `.max` for none.
  private var pingedAt = UInt64.max
  /// When a Close was sent; `.max` for none.
  private var closedAt = UInt64.max
  /// When the drain closes it; `.max` outside of a drain.
  package var restartAt = UInt64.max

  package init(pingInterval: UInt64, pingTimeout: UInt64, idleTimeout: UInt64, closeTimeout: UInt64) {
    self.pingInterval = pingInterval
    self.pingTimeout = pingTimeout
    self.idleTimeout = idleTimeout
    self.closeTimeout = closeTimeout
  }

  package mutating func begin(_ now: UInt64) {
    heardAt = now
    usedAt = now
  }

  /// The client has sent something.
  package mutating func heard(_ now: UInt64) {
    heardAt = now
    pingedAt = .max
  }

  package mutating func used(_ now: UInt64) { usedAt = now }

  package mutating func pinged(_ now: UInt64) { pingedAt = now }

  package mutating func closed(_ now: UInt64) { closedAt = min(closedAt, now) }

  package enum Due { case nothing, ping, restart, idle, pingMissed, closeUnanswered }

  /// What is due.
  package func due(_ now: UInt64) -> Due {
    if closedAt != .max { return now >= closedAt.postponed(by: closeTimeout) ? .closeUnanswered : .nothing }
    if now >= restartAt { return .restart }
    if now >= after(pingTimeout, pingedAt) { return .pingMissed }
    if now >= after(idleTimeout, usedAt) { return .idle }
    return pingedAt == .max && now >= after(pingInterval, heardAt) ? .ping : .nothing
  }

  /// When something is due next; `.max` for never.
  package var next: UInt64 {
    if closedAt != .max { return closedAt.postponed(by: closeTimeout) }
    let ping = pingedAt == .max ? after(pingInterval, heardAt) : after(pingTimeout, pingedAt)
    return min(ping, after(idleTimeout, usedAt), restartAt)
  }

  private func after(_ span: UInt64, _ moment: UInt64) -> UInt64 {
    span == 0 || moment == .max ? .max : moment.postponed(by: span)
  }
}
