import Glibc
import Platform

/// The workers of a master, by their slots in the scoreboard. Each worker index has one active worker; a replaced worker keeps
/// its slot until it has finished its requests.
struct WorkerTable {
  struct Entry: Equatable {
    let pid: pid_t
    /// The replacement of a worker has the same index.
    let workerIndex: Int
    var spawnedAt: UInt64
    var isReady = false
    /// The worker has reported why it can't serve.
    var hasReportedFailure = false
    /// The worker was told to drain and is no longer the active one of its index.
    var isLeaving = false
    /// Why the worker will be replaced; nil if it will not.
    var replacementReason: ReplacementReason?
    /// SIGABRT was sent to the worker.
    var isAborted = false
    /// The worker has sent a message that no worker sends; nothing more is received from it.
    var hasViolatedProtocol = false
    /// When the worker is killed if it is still running.
    var killAt = UInt64.max
  }

  /// Why a functioning worker is replaced.
  enum ReplacementReason: String {
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

  /// When the next worker of an index is spawned.
  private struct SpawnSchedule {
    /// `.max` while no start is scheduled.
    var startAt = UInt64.max
    var backoff: Backoff
    /// When the first worker since the last failure was spawned, in monotonic nanoseconds; nil if none was. A planned
    /// replacement is not a failure.
    var healthySince: UInt64?
    /// The index was removed.
    var isRemoved = false
  }

  /// By worker index.
  private var schedules: [SpawnSchedule]
  /// By slot.
  private var entries: [Entry?]
  private let firstBackoff: UInt64

  /// - Parameters:
  ///   - count: the number of workers that serve.
  ///   - slots: the maximum number of processes at once.
  init(count: Int, slots: Int, backoff: UInt64) {
    firstBackoff = backoff
    schedules = (0..<count).map { _ in SpawnSchedule(backoff: Backoff(first: backoff)) }
    entries = Array(repeating: nil, count: slots)
  }

  // MARK: Looking up

  /// The number of workers that should serve.
  var count: Int { schedules.count { !$0.isRemoved } }
  var capacity: Int { entries.count }
  var isEmpty: Bool { entries.allSatisfy { $0 == nil } }

  /// Whether each index has a ready worker.
  var allReady: Bool {
    schedules.indices.allSatisfy { workerIndex in
      schedules[workerIndex].isRemoved || entries.contains { $0?.workerIndex == workerIndex && $0?.isReady == true }
    }
  }

  subscript(_ slot: Int) -> Entry? { entries.indices.contains(slot) ? entries[slot] : nil }

  /// The slots in use.
  var slots: [Int] { entries.indices.filter { entries[$0] != nil } }
  var freeSlots: Int { entries.count { $0 == nil } }
  var freeSlot: Int? { entries.firstIndex { $0 == nil } }

  func slot(of pid: pid_t) -> Int? { entries.firstIndex { $0?.pid == pid } }

  /// The slot of an index's active worker, which serves or is starting.
  func active(at workerIndex: Int) -> Int? {
    entries.firstIndex { $0?.workerIndex == workerIndex && $0?.isLeaving == false }
  }

  /// Whether the active worker of an index will be replaced.
  func needsReplacement(at workerIndex: Int) -> Bool {
    active(at: workerIndex).flatMap { self[$0]?.replacementReason } != nil
  }

  /// The slot of the worker that the one in `slot` replaces; nil if it replaces none.
  func replaced(by slot: Int) -> Int? {
    guard let replacement = self[slot] else { return nil }
    return entries.indices.first { other in
      other != slot && entries[other]?.workerIndex == replacement.workerIndex
        && entries[other]?.replacementReason != nil && entries[other]?.isLeaving == false
    }
  }

  /// Whether an index needs no worker: it has an active one, or was removed.
  func isOccupied(_ workerIndex: Int) -> Bool { schedules[workerIndex].isRemoved || active(at: workerIndex) != nil }

  // MARK: Adding and removing

  mutating func add(_ workerIndex: Int, slot: Int, pid: pid_t, now: UInt64) {
    entries[slot] = Entry(pid: pid, workerIndex: workerIndex, spawnedAt: now)
    schedules[workerIndex].startAt = .max
    if schedules[workerIndex].healthySince == nil { schedules[workerIndex].healthySince = now }
  }

  mutating func update(_ slot: Int, _ body: (inout Entry) -> Void) {
    guard entries.indices.contains(slot), var entry = entries[slot] else { return }
    body(&entry)
    entries[slot] = entry
  }

  /// The worker's process has ended.
  mutating func remove(_ slot: Int) { entries[slot] = nil }

  // MARK: Scheduling starts

  /// Schedules the next start at an index, with backoff.
  ///
  /// - Returns: the delay in nanoseconds.
  @discardableResult
  mutating func scheduleRestart(at workerIndex: Int, now: UInt64) -> UInt64 {
    let health = schedules[workerIndex].healthySince.map { now &- $0 } ?? 0
    let delay = schedules[workerIndex].backoff.delay(health: health)
    schedules[workerIndex].healthySince = nil
    schedules[workerIndex].startAt = now &+ delay
    return delay
  }

  /// The same after a crash for which a plugin was paused: it does not count as a failure of the index.
  mutating func scheduleBlamelessRestart(at workerIndex: Int, now: UInt64) -> UInt64 {
    let delay = schedules[workerIndex].backoff.blameless
    schedules[workerIndex].startAt = now &+ delay
    return delay
  }

  func hasScheduledStart(at workerIndex: Int) -> Bool { schedules[workerIndex].startAt != .max }

  mutating func cancelScheduledStart(at workerIndex: Int) { schedules[workerIndex].startAt = .max }

  /// When the next start is due; `.max` while no slot is free.
  var nextStart: UInt64 {
    freeSlot == nil ? .max : schedules.lazy.filter { !$0.isRemoved }.map(\.startAt).min() ?? .max
  }

  /// When the next worker has to be killed.
  var nextKill: UInt64 { entries.lazy.compactMap { $0?.killAt }.min() ?? .max }

  /// Postpones all deadlines of workers by `span` nanoseconds.
  mutating func postponeDeadlines(by span: UInt64) {
    for slot in slots {
      update(slot) {
        $0.spawnedAt = $0.spawnedAt.postponed(by: span)
        $0.killAt = $0.killAt.postponed(by: span)
      }
    }
  }

  /// An index whose start is due; nil if there is none, or no free slot.
  func nextDueStart(at now: UInt64) -> Int? {
    freeSlot == nil ? nil : schedules.firstIndex { $0.startAt <= now && !$0.isRemoved }
  }

  /// Adds one worker index; nil if there is no room.
  mutating func addWorkerIndex() -> Int? {
    guard count < capacity / 2 else { return nil }
    if let removed = schedules.firstIndex(where: \.isRemoved) {
      schedules[removed] = SpawnSchedule(backoff: Backoff(first: firstBackoff))
      return removed
    }
    schedules.append(SpawnSchedule(backoff: Backoff(first: firstBackoff)))
    return schedules.count - 1
  }

  /// Removes the last worker index.
  ///
  /// - Returns: the slots of its workers, which have to be drained.
  mutating func removeLastWorkerIndex() -> [Int] {
    guard count > 1, let last = schedules.lastIndex(where: { !$0.isRemoved }) else { return [] }
    schedules[last].isRemoved = true
    schedules[last].startAt = .max
    return entries.indices.filter { entries[$0]?.workerIndex == last && entries[$0]?.isLeaving == false }
  }
}

extension WorkerTable.Entry {
  /// The worker's name in log lines.
  var name: String { "worker \(workerIndex) (pid \(pid))" }
}
