import IPC
import Platform

/// Which messages a master may send, by the stage of its start.
///
/// Until `sealed` a master runs only the server's own code, with the supervisor's rights: its messages determine which
/// paths are opened and where the service listens. Afterwards plugins are loaded, and any message may come from their
/// code: messages only report events, within limits, and determine nothing. After a violation nothing more is received
/// from the master.
package struct MasterProtocol: Sendable {
  package enum Stage: Sendable {
    /// The master reads its configuration and sends parameters.
    case settings
    /// The master binds listeners and opens logs.
    case listeners
    /// The master may run plugin code.
    case sealed
  }

  package enum Verdict: Sendable, Equatable {
    case accepted
    /// A kind of a later version.
    case ignored
    /// The reason why nothing more is received.
    case violation(String)
  }

  package private(set) var stage: Stage
  private var counts: [MasterMessage: Int] = [:]
  private var unknown = 0
  /// Token bucket: the number of messages that may still come, and the time of its last refill.
  private var credit = MasterLimits.burst
  private var creditedAt: UInt64 = 0

  /// - Parameter isServing: whether the master has already started, under a former program of this process.
  package init(isServing: Bool = false) {
    stage = isServing ? .sealed : .settings
    if isServing { counts = [.ready: 1] }
  }

  /// Checks one message, and moves to the next stage after it.
  package mutating func receive(_ number: UInt8, hasDescriptor: Bool, now: UInt64) -> Verdict {
    guard isWithinRate(now) else { return .violation("sends too many messages") }
    guard let kind = MasterMessage(rawValue: number) else {
      unknown += 1
      if hasDescriptor { return .violation("sends a descriptor with a message of the unknown kind \(number)") }
      return unknown <= MasterLimits.unknown
        ? .ignored : .violation("sends messages of unknown kinds, \(number) the last")
    }
    guard let limit = limit(of: kind) else { return .violation("sends \"\(kind)\" \(stageText)") }
    guard hasDescriptor == MasterProtocol.hasDescriptor(kind) else {
      return .violation("sends \"\(kind)\" with\(hasDescriptor ? "" : "out") a descriptor")
    }
    let count = (counts[kind] ?? 0) + 1
    guard count <= limit else { return .violation("sends \"\(kind)\" more often than \(limit) time(s)") }
    if limit != .max { counts[kind] = count }
    switch kind {
    case .configured: stage = .listeners
    case .sealed: stage = .sealed
    default: break
    }
    return .accepted
  }

  /// The maximum number of messages of this kind in this stage; nil if none is allowed.
  private func limit(of kind: MasterMessage) -> Int? {
    switch (stage, kind) {
    case (_, .step): .max
    case (_, .failed): 16
    case (.settings, .setting): MasterLimits.settings
    case (.settings, .watch): MasterLimits.watched
    case (.settings, .configured): 1
    case (.listeners, .listener), (.listeners, .claim): MasterLimits.listeners
    case (.listeners, .scoreboard), (.listeners, .configuration), (.listeners, .sealed): 1
    case (.sealed, .worker), (.sealed, .ticketKeys), (.sealed, .paused): .max
    case (.sealed, .plugin): counts[.ready] == nil ? MasterLimits.plugins : nil
    case (.sealed, .ready): 1
    case (.sealed, .leaving): 16
    default: nil
    }
  }

  private static func hasDescriptor(_ kind: MasterMessage) -> Bool {
    kind == .listener || kind == .scoreboard || kind == .configuration
  }

  private var stageText: String {
    switch stage {
    case .settings: "before its settings are complete"
    case .listeners: "before it is sealed (the program on disk may be older than the one that runs: restart it)"
    case .sealed: "after plugins were loaded"
    }
  }

  private mutating func isWithinRate(_ now: UInt64) -> Bool {
    let elapsed = min(now > creditedAt ? now - creditedAt : 0, 3600 * Clock.nanosecondsPerSecond)
    let earned = elapsed / (Clock.nanosecondsPerSecond / UInt64(MasterLimits.rate))
    if earned > 0 {
      credit = min(MasterLimits.burst, credit + Int(earned))
      creditedAt = now
    }
    credit -= 1
    return credit >= 0
  }
}
