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

/// What a connection may bring too much of.
enum HTTP2Flood: Int, CaseIterable {
  case reset, provokedReset, settings, ping, priority, emptyFrame, windowUpdate

  /// What the connection ends with.
  var refusal: Refusal {
    switch self {
    case .reset: .resetFlood
    case .provokedReset: .provokedResetFlood
    case .settings: .settingsFlood
    case .ping: .pingFlood
    case .priority: .priorityFlood
    case .emptyFrame: .emptyFrameFlood
    case .windowUpdate: .windowUpdateFlood
    }
  }
}

extension HTTP2FloodLimits {
  subscript(_ flood: HTTP2Flood) -> Int {
    switch flood {
    case .reset, .provokedReset: resets
    case .settings: settings
    case .ping: pings
    case .priority: priorities
    case .emptyFrame: emptyFrames
    case .windowUpdate: windowUpdates
    }
  }
}

/// Counts what a connection brings within the present second.
struct HTTP2FloodMeter {
  /// A peer that takes large answers opens windows often: so many bytes sent allow one more WINDOW_UPDATE.
  static let bytesPerUpdate = 512
  /// A peer that does not know our SETTINGS yet may open too many streams: so many for each that it may have.
  static let earlyRefusalsPerStream = 10

  private var second: UInt64 = 0
  /// By `HTTP2Flood`.
  private var counts = InlineArray<7, Int>(repeating: 0)
  /// Bytes sent that no WINDOW_UPDATE has answered: they outlast the second.
  private var bytesSent = 0

  mutating func begin(_ present: UInt64) {
    if present == second { return }
    second = present
    counts = InlineArray(repeating: 0)
  }

  /// Even the smallest frame may be answered by one for its stream and one for the connection.
  mutating func sent(_ bytes: Int) { bytesSent += max(bytes, 2 * HTTP2FloodMeter.bytesPerUpdate) }

  /// One more of them; the refusal if those are too many.
  mutating func count(_ flood: HTTP2Flood, _ limits: HTTP2FloodLimits) -> Refusal? {
    if case .windowUpdate = flood, bytesSent >= HTTP2FloodMeter.bytesPerUpdate {
      bytesSent -= HTTP2FloodMeter.bytesPerUpdate
      return nil
    }
    counts[flood.rawValue] &+= 1
    return counts[flood.rawValue] > limits[flood] ? flood.refusal : nil
  }
}
