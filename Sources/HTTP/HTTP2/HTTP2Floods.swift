/// How many frames of a kind a connection may bring within a second. Each kind costs the server more than the peer.
package struct HTTP2FloodLimits: Sendable {
  /// RST_STREAM frames (CVE-2023-44487), and, counted for themselves, streams that the peer's errors make us reset
  /// (CVE-2025-8671).
  package var resets = 100
  package var settings = 100
  package var pings = 100
  /// PRIORITY frames, and others that are ignored.
  package var priorities = 100
  /// Frames of DATA and CONTINUATION that carry nothing.
  package var emptyFrames = 100
  /// WINDOW_UPDATE frames beyond one for each 512 bytes of DATA sent.
  package var windowUpdates = 100

  package init() {}
}

/// Counts what a connection brings within the present second.
struct HTTP2FloodMeter {
  /// A peer that takes large answers opens windows often: so many bytes sent allow one more WINDOW_UPDATE.
  static let bytesPerUpdate = 512

  private var second: UInt64 = 0
  private var resets = 0
  private var provokedResets = 0
  private var settings = 0
  private var pings = 0
  private var priorities = 0
  private var emptyFrames = 0
  private var windowUpdates = 0
  /// Bytes sent that no WINDOW_UPDATE has answered: they outlast the second.
  private var bytesSent = 0

  mutating func begin(_ present: UInt64) {
    if present == second { return }
    let bytesSent = bytesSent
    self = HTTP2FloodMeter()
    self.bytesSent = bytesSent
    second = present
  }

  /// Even the smallest frame may be answered by one for its stream and one for the connection.
  mutating func sent(_ bytes: Int) { bytesSent += max(bytes, 2 * HTTP2FloodMeter.bytesPerUpdate) }

  mutating func countReset(_ limits: HTTP2FloodLimits) -> Refusal? {
    resets &+= 1
    return resets > limits.resets ? .resetFlood : nil
  }

  mutating func countProvokedReset(_ limits: HTTP2FloodLimits) -> Refusal? {
    provokedResets &+= 1
    return provokedResets > limits.resets ? .provokedResetFlood : nil
  }

  mutating func countSettings(_ limits: HTTP2FloodLimits) -> Refusal? {
    settings &+= 1
    return settings > limits.settings ? .settingsFlood : nil
  }

  mutating func countPing(_ limits: HTTP2FloodLimits) -> Refusal? {
    pings &+= 1
    return pings > limits.pings ? .pingFlood : nil
  }

  mutating func countPriority(_ limits: HTTP2FloodLimits) -> Refusal? {
    priorities &+= 1
    return priorities > limits.priorities ? .priorityFlood : nil
  }

  mutating func countEmptyFrame(_ limits: HTTP2FloodLimits) -> Refusal? {
    emptyFrames &+= 1
    return emptyFrames > limits.emptyFrames ? .emptyFrameFlood : nil
  }

  mutating func countWindowUpdate(_ limits: HTTP2FloodLimits) -> Refusal? {
    if bytesSent >= HTTP2FloodMeter.bytesPerUpdate {
      bytesSent -= HTTP2FloodMeter.bytesPerUpdate
      return nil
    }
    windowUpdates &+= 1
    return windowUpdates > limits.windowUpdates ? .windowUpdateFlood : nil
  }
}
