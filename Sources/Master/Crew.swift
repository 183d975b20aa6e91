import Glibc
import Platform
import Workers

/// The workers of a master, by their slots of the scoreboard: one serves at each place, and those that were relieved finish
/// what they hold.
struct Crew: ~Copyable {
  struct Member {
    let pid: pid_t
    /// The worker's number, which its replacement takes over.
    let place: Int
    var hiredAt: UInt64
    var isReady = false
    /// It has said why it can't serve.
    var hasRefused = false
    /// Told to finish: somebody else has its place.
    var isLeaving = false
    /// Why it is to be relieved, once it is.
    var relief: Relief?
    /// It has been told to dump and die.
    var isHung = false
    /// What it has said.
    var heard: Set<WorkerProcess.Message> = []
    /// It has said what no worker says: nothing more of it is heard.
    var isDistrusted = false
    /// When it is killed if it is still there.
    var killAt = UInt64.max
  }

  /// Why a worker that works is replaced.
  enum Relief: String {
    case maxRequests = "has reached server.max_requests"
    case memoryLimit = "has reached server.memory_limit"
    case retired = "was retired"

    var cause: RestartCause {
      switch self {
      case .maxRequests: .maxRequests
      case .memoryLimit: .memoryLimit
      case .retired: .retired
      }
    }
  }

  private struct Place {
    /// When to start the next process here; `.max` while there is one.
    var startAt = UInt64.max
    var backoff: Backoff
    /// When its first worker since the last failure was started, in monotonic nanoseconds; those that were relieved did
    /// not fail. Nil until then.
    var wellSince: UInt64?
    /// Not wanted any more.
    var isClosed = false
  }

  private var places: [Place]
  private var members: [Member?]
  private var channels: [Channel?]
  private let firstBackoff: UInt64

  /// - Parameters:
  ///   - count: how many workers serve.
  ///   - slots: how many processes there can be at once.
  init(count: Int, slots: Int, backoff: UInt64) {
    firstBackoff = backoff
    places = (0..<count).map { _ in Place(backoff: Backoff(first: backoff)) }
    members = Array(repeating: nil, count: slots)
    channels = Array(repeating: nil, count: slots)
  }

  // MARK: Who is there

  /// How many workers are to serve.
  var count: Int { places.count { !$0.isClosed } }
  var capacity: Int { members.count }
  var isGone: Bool { members.allSatisfy { $0 == nil } }

  /// A worker is ready at each place.
  var isComplete: Bool {
    places.indices.allSatisfy { place in
      places[place].isClosed || members.contains { $0?.place == place && $0?.isReady == true }
    }
  }

  subscript(_ slot: Int) -> Member? { members.indices.contains(slot) ? members[slot] : nil }

  /// The slots in use.
  var slots: [Int] { members.indices.filter { members[$0] != nil } }
  var freeSlot: Int? { members.firstIndex { $0 == nil } }

  func slot(of pid: pid_t) -> Int? { members.firstIndex { $0?.pid == pid } }

  /// The one that serves at a place, or is to.
  func incumbent(of place: Int) -> Int? { members.firstIndex { $0?.place == place && $0?.isLeaving == false } }

  /// Whether the one that serves at a place waits to be relieved.
  func wantsRelief(_ place: Int) -> Bool { incumbent(of: place).flatMap { self[$0]?.relief } != nil }

  /// Whether the worker in `slot` comes to relieve one that still serves.
  func relieved(by slot: Int) -> Int? {
    guard let member = self[slot] else { return nil }
    return members.indices.first { other in
      other != slot && members[other]?.place == member.place && members[other]?.relief != nil
        && members[other]?.isLeaving == false
    }
  }

  // MARK: Coming and going

  mutating func hire(_ place: Int, slot: Int, pid: pid_t, channel: Channel, now: UInt64) {
    members[slot] = Member(pid: pid, place: place, hiredAt: now)
    channels[slot] = channel
    places[place].startAt = .max
    if places[place].wellSince == nil { places[place].wellSince = now }
  }

  mutating func change(_ slot: Int, _ body: (inout Member) -> Void) {
    guard members.indices.contains(slot), var member = members[slot] else { return }
    body(&member)
    members[slot] = member
  }

  /// The descriptor of the line, while it is there.
  func line(_ slot: Int) -> CInt? { channels[slot]?.raw }

  /// Ends the line.
  mutating func hangUp(_ slot: Int) { channels[slot] = nil }

  /// The process has ended.
  mutating func bury(_ slot: Int) { members[slot] = nil }

  /// Whether somebody serves, or is about to, at a place.
  func isTaken(_ place: Int) -> Bool { places[place].isClosed || incumbent(of: place) != nil }

  // MARK: Starts

  /// Plans the next start at a place; the wait in nanoseconds.
  @discardableResult
  mutating func postpone(_ place: Int, now: UInt64) -> UInt64 {
    let delay = places[place].backoff.delay(health: places[place].wellSince.map { now &- $0 } ?? 0)
    places[place].wellSince = nil
    places[place].startAt = now &+ delay
    return delay
  }

  /// Likewise where a plugin is to blame, and is paused: the place has not failed.
  mutating func restart(_ place: Int, now: UInt64) -> UInt64 {
    let delay = places[place].backoff.blameless
    places[place].startAt = now &+ delay
    return delay
  }

  /// Whether the next start at a place has to wait.
  func isPostponed(_ place: Int) -> Bool { places[place].startAt != .max }

  /// The wait for the next start at a place is over, and somebody serves there still.
  mutating func endPostponement(_ place: Int) { places[place].startAt = .max }

  /// When the next start is due; without a slot for it, somebody's end comes first.
  var nextStart: UInt64 {
    freeSlot == nil ? .max : places.lazy.filter { !$0.isClosed }.map(\.startAt).min() ?? .max
  }

  /// When the next worker has to be gone.
  var nextKill: UInt64 { members.lazy.compactMap { $0?.killAt }.min() ?? .max }

  /// All that workers have to be done with is due so much later.
  mutating func postponeDeadlines(by span: UInt64) {
    for slot in slots {
      change(slot) {
        $0.hiredAt = $0.hiredAt.postponed(by: span)
        $0.killAt = $0.killAt.postponed(by: span)
      }
    }
  }

  /// A place whose start is due; nil if there is none, or no slot for it.
  func nextDue(at now: UInt64) -> Int? {
    freeSlot == nil ? nil : places.firstIndex { $0.startAt <= now && !$0.isClosed }
  }

  /// One place more; nil if there is no room.
  mutating func addPlace() -> Int? {
    guard count < capacity / 2 else { return nil }
    if let closed = places.firstIndex(where: \.isClosed) {
      places[closed] = Place(backoff: Backoff(first: firstBackoff))
      return closed
    }
    places.append(Place(backoff: Backoff(first: firstBackoff)))
    return places.count - 1
  }

  /// The last place is not wanted any more; its workers, who are to leave.
  mutating func removePlace() -> [Int] {
    guard count > 1, let last = places.lastIndex(where: { !$0.isClosed }) else { return [] }
    places[last].isClosed = true
    places[last].startAt = .max
    return members.indices.filter { members[$0]?.place == last && members[$0]?.isLeaving == false }
  }

  // MARK: Talk

  /// The next message of a worker, or nil if there is none now. A worker says each thing once, and nothing else.
  mutating func hear(_ slot: Int) -> Word? {
    guard channels.indices.contains(slot), let line = channels[slot] else { return nil }
    switch line.receive() {
    case .nothing: return nil
    case .closed: return .gone
    case .malformed: return .fault("sends what is no message")
    case .message(let kind, let text, _):
      guard let message = WorkerProcess.Message(rawValue: kind) else {
        return .fault("sends a message of kind \(kind)")
      }
      guard members[slot]?.heard.insert(message).inserted ?? true else { return .fault("says \"\(message)\" twice") }
      switch message {
      case .ready: return .ready
      case .worn: return .worn
      case .refused: return .refused(String(decoding: text, as: UTF8.self))
      default: return .fault("sends \"\(message)\", which is a master's word")
      }
    }
  }

  /// What a worker says.
  enum Word {
    case ready
    case worn
    case refused(String)
    case gone
    /// What no worker of this server says: its plugins' code does, or has overwritten what is not its own.
    case fault(String)
  }

  func tell(_ slot: Int, _ message: WorkerProcess.Message) { channels[slot]?.send(kind: message.rawValue) }

  func tellAll(_ message: WorkerProcess.Message, text: [UInt8] = []) {
    for line in channels { line?.send(kind: message.rawValue, text: text) }
  }

  func passAll(_ message: WorkerProcess.Message, text: String, descriptor: CInt) {
    for line in channels { line?.send(kind: message.rawValue, text: Array(text.utf8), descriptor: descriptor) }
  }
}
