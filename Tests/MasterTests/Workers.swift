import Glibc
import IPC
import Platform

@testable import Master

/// A master without processes: its decisions, and the time.
struct Generation {
  static let second = Clock.nanosecondsPerSecond
  static let bootTimeout = 30 * second
  static let gracefulTimeout = 10 * second
  static let workerTimeout = 8 * second

  var state: MasterState
  var time: UInt64 = 1000 * second
  /// What the last event has led to.
  private(set) var actions: [MasterAction] = []
  private var pids: pid_t = 100

  init(workers: Int = 2, slots: Int = 8, serving: Bool = true, maxFails: Int = 0, memoryLimit: Int = 0) {
    state = MasterState(
      MasterState.Limits(
        bootTimeout: Generation.bootTimeout, gracefulTimeout: Generation.gracefulTimeout, memoryLimit: memoryLimit,
        pluginNames: ["demo"]),
      workers: WorkerTable(count: workers, slots: slots, backoff: 100 * Clock.nanosecondsPerMillisecond),
      circuitBreaker: PluginCircuitBreaker(maxFails: [maxFails], backoff: 100 * Clock.nanosecondsPerMillisecond),
      watchdog: WorkerWatchdog(limit: Generation.workerTimeout), bootDeadline: time + Generation.bootTimeout)
    handle(.begun)
    if serving { for slot in 0..<workers { handle(.workerReady(slot)) } }
  }

  /// Handles an event; each fork succeeds.
  mutating func handle(_ event: MasterEvent) {
    actions = state.handle(event, at: time)
    for case .spawn(let workerIndex) in actions {
      guard let slot = state.workers.freeSlot else { continue }
      pids += 1
      actions += state.handle(.spawned(workerIndex: workerIndex, slot: slot, pid: pids), at: time)
    }
  }

  mutating func ends(_ slot: Int, _ exitStatus: Process.ExitStatus, _ remains: WorkerRemains = WorkerRemains()) {
    handle(.workerEnded(slot, exitStatus, remains))
  }

  /// The time of the next deadline comes.
  mutating func wait() {
    time = max(time, state.nextDeadline())
    handle(.timerFired)
  }

  /// Time passes until the next worker is due.
  mutating func waitForStart() {
    time = state.workers.nextStart
    handle(.timerFired)
  }

  func worker(_ slot: Int) -> WorkerTable.Entry? { state.workers[slot] }

  // MARK: What was to be done

  var logs: [String] { actions.compactMap { if case .log(_, let text) = $0 { text } else { nil } } }

  var spawned: [Int] { actions.compactMap { if case .spawn(let workerIndex) = $0 { workerIndex } else { nil } } }

  /// The workers whose end is logged, and what follows it.
  var loggedExits: [String] {
    actions.compactMap { if case .logExit(_, _, _, let sequel) = $0 { sequel } else { nil } }
  }

  var reports: [WorkerStatus.State] {
    actions.compactMap { if case .report(let status) = $0 { status.state } else { nil } }
  }

  func has(_ action: MasterAction) -> Bool { actions.contains(action) }
}
