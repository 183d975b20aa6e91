/// The maximum number of frames of a kind per second on a connection. Each kind costs the server more than the peer.
package struct HTTP2FloodLimits: Sendable {
  /// RST_STREAM frames (CVE-2023-44487) and, counted separately, streams that are reset because of the peer's errors
  /// (CVE-2025-8671).
  package var resets = 100
  /// The maximum burst of RST_STREAM frames; `resets` is their long-term rate.
  package var resetBurst = 1000
  package var settings = 100
  package var pings = 100
  /// PRIORITY frames, and others that are ignored.
  package var priorities = 100
  /// DATA and CONTINUATION frames without content.
  package var emptyFrames = 100
  /// WINDOW_UPDATE frames beyond one for each 512 bytes of DATA sent, and two for each stream opened.
  package var windowUpdates = 100

  package init() {}
}

/// The kinds of floods.
enum HTTP2Flood: Int, CaseIterable {
  case reset, provokedReset, settings, ping, priority, emptyFrame, windowUpdate

  /// The refusal that the connection ends with.
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
    case .reset: max(resets, resetBurst)
    case .provokedReset: resets
    case .settings: settings
    case .ping: pings
    case .priority: priorities
    case .emptyFrame: emptyFrames
    case .windowUpdate: windowUpdates
    }
  }
}

/// Counts the frames of a connection in the current second.
struct HTTP2FloodMeter {
  /// A peer that receives large responses opens windows often: each so many bytes sent allow one more WINDOW_UPDATE.
  static let bytesPerUpdate = 512
  /// Each opened stream allows so many: browsers open its window at once.
  static let updatesPerStream = 2
  /// A peer that has not received our SETTINGS may open too many streams: for each allowed stream, so many are only
  /// refused.
  static let earlyRefusalsPerStream = 10
  /// A body may be on its way when its stream is reset: each so many of its bytes allow one further frame.
  static let bytesPerLateFrame = 512

  private var second: UInt64 = 0
  /// By `HTTP2Flood`. The count of resets decreases at their rate; the others are for one second.
  private var counts = InlineArray<7, Int>(repeating: 0)
  /// Bytes sent for which no WINDOW_UPDATE has been received; kept beyond the second.
  private var bytesSent = 0
  /// WINDOW_UPDATE frames that opened streams allow; kept beyond the second.
  private var updates = 0
  /// Frames that may still arrive on closed streams, sent before the peer knew of the end; kept beyond the second.
  private var lateFrames = 0
  /// Bytes of bodies that may still arrive on closed streams: the peer decides how many frames carry them.
  private var lateBytes = 0

  mutating func begin(_ present: UInt64, _ limits: HTTP2FloodLimits) {
    if present == second { return }
    let (forgiven, isMuch) = Int(clamping: present &- second).multipliedReportingOverflow(by: limits.resets)
    let resets = isMuch ? 0 : max(0, counts[HTTP2Flood.reset.rawValue] - forgiven)
    second = present
    counts = InlineArray(repeating: 0)
    counts[HTTP2Flood.reset.rawValue] = resets
  }

  /// Counts bytes sent. Even the smallest frame may cause two WINDOW_UPDATE frames, for its stream and for the
  /// connection.
  mutating func sent(_ bytes: Int) { bytesSent += max(bytes, 2 * HTTP2FloodMeter.bytesPerUpdate) }

  /// A stream has been opened; `streams` is the maximum at once.
  mutating func opened(of streams: Int) {
    updates = min(updates + HTTP2FloodMeter.updatesPerStream, HTTP2FloodMeter.updatesPerStream * streams)
  }

  /// A stream has closed; `streams` is the maximum at once.
  ///
  /// - Parameters:
  ///   - byPeer: whether the peer had ended its side. If not, up to `window` bytes of its body, and trailers, may still
  ///     arrive.
  mutating func closed(byPeer: Bool, window: Int, of streams: Int) {
    let most = window / HTTP2FloodMeter.bytesPerLateFrame + 3
    lateFrames = min(lateFrames + (byPeer ? 1 : most), most * streams)
    if !byPeer { lateBytes = min(lateBytes + window, window * streams) }
  }

  /// Counts a frame; returns a refusal if there are too many.
  mutating func count(_ flood: HTTP2Flood, _ limits: HTTP2FloodLimits) -> Refusal? {
    if case .windowUpdate = flood {
      if bytesSent >= HTTP2FloodMeter.bytesPerUpdate {
        bytesSent -= HTTP2FloodMeter.bytesPerUpdate
        return nil
      }
      if updates > 0 {
        updates -= 1
        return nil
      }
    }
    counts[flood.rawValue] &+= 1
    return counts[flood.rawValue] > limits[flood] ? flood.refusal : nil
  }

  /// Counts a frame on a closed stream, which is ignored. Frames that may have been sent before the peer knew of the
  /// end do not count.
  mutating func countLate(_ flood: HTTP2Flood, _ limits: HTTP2FloodLimits) -> Refusal? {
    if lateFrames > 0 {
      lateFrames -= 1
      return nil
    }
    return count(flood, limits)
  }

  /// Counts a DATA frame on a closed stream, with `bytes` of payload that are not only padding.
  mutating func countLate(bytes: Int, _ limits: HTTP2FloodLimits) -> Refusal? {
    guard bytes <= lateBytes else { return countLate(.priority, limits) }
    lateBytes -= bytes
    return nil
  }
}
