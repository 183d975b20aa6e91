import Platform

/// What a master may say, by how far it has come.
///
/// Until it has said `sealed` it is the server's own code, with the supervisor's own rights: its words decide which paths are
/// opened, and what listens. Then plugins are loaded, and whatever comes from it may come from their code: it may tell what
/// goes on, within bounds, and decides nothing. What breaks the rules is a fault, after which nothing of it is heard.
package struct MasterTalk: Sendable {
  package enum Stage: Sendable {
    /// It reads its configuration and says what the supervisor has to know of it.
    case settings
    /// It binds and opens.
    case listeners
    /// It may run plugins' code.
    case sealed
  }

  package enum Verdict: Sendable, Equatable {
    case believed
    /// Of a kind that a later version may know.
    case ignored
    /// Why nothing more of it is believed.
    case fault(String)
  }

  package private(set) var stage: Stage
  private var counts: [MasterMessage: Int] = [:]
  private var unknown = 0
  /// So many messages may come yet before it is too many, and when that was counted.
  private var credit = MasterLimits.burst
  private var creditedAt: UInt64 = 0

  /// - Parameter isServing: it has come through its start already, under a former program of this process.
  package init(isServing: Bool = false) {
    stage = isServing ? .sealed : .settings
    if isServing { counts = [.ready: 1] }
  }

  /// Judges a message; what it is about goes on from there.
  package mutating func hear(_ number: UInt8, _ text: String, hasDescriptor: Bool, now: UInt64) -> Verdict {
    guard isPaid(now) else { return .fault("sends more messages than any master has to") }
    guard let kind = MasterMessage(rawValue: number) else {
      unknown += 1
      if hasDescriptor { return .fault("sends a descriptor with a message of the unknown kind \(number)") }
      return unknown <= MasterLimits.unknown ? .ignored : .fault("sends messages of unknown kinds, \(number) the last")
    }
    guard let limit = limit(of: kind, text) else { return .fault("sends \"\(kind)\" \(phrase)") }
    guard hasDescriptor == MasterTalk.hasDescriptor(kind) else {
      return .fault("sends \"\(kind)\" with\(hasDescriptor ? "" : "out") a descriptor")
    }
    let count = (counts[kind] ?? 0) + 1
    guard count <= limit else { return .fault("sends \"\(kind)\" more often than \(limit) time(s)") }
    if limit != .max { counts[kind] = count }
    switch kind {
    case .configured: stage = .listeners
    case .sealed: stage = .sealed
    default: break
    }
    return .believed
  }

  /// How often this may be said now; nil for never.
  private func limit(of kind: MasterMessage, _ text: String) -> Int? {
    switch (stage, kind) {
    case (_, .step): .max
    case (_, .failed): 16
    case (.settings, .setting): MasterLimits.settings
    case (.settings, .configured): 1
    case (.listeners, .listener), (.listeners, .claim): MasterLimits.listeners
    case (.listeners, .scoreboard), (.listeners, .configuration), (.listeners, .sealed): 1
    case (.sealed, .worker), (.sealed, .ticketKeys): .max
    case (.sealed, .setting): text.utf8.starts(with: "\(MasterSetting.scale.rawValue)=".utf8) ? .max : nil
    case (.sealed, .plugin): counts[.ready] == nil ? MasterLimits.plugins : nil
    case (.sealed, .ready): 1
    case (.sealed, .leaving): 16
    default: nil
    }
  }

  private static func hasDescriptor(_ kind: MasterMessage) -> Bool {
    kind == .listener || kind == .scoreboard || kind == .configuration
  }

  private var phrase: String {
    switch stage {
    case .settings: "before its settings are complete"
    case .listeners: "before it is sealed (the program on disk may be older than the one that runs: restart it)"
    case .sealed: "after plugins were loaded"
    }
  }

  private mutating func isPaid(_ now: UInt64) -> Bool {
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
