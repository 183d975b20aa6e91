import Glibc
import IPC
import Platform

@testable import Supervisor

/// A service without processes: its decisions, and the time.
struct Service {
  static let second = Clock.nanosecondsPerSecond

  var state = ServiceState()
  var time: UInt64 = 1000 * second
  /// What the last event has led to.
  private(set) var actions: [ServiceAction] = []
  var settings = Generation.Settings()

  init(serving: Bool = true) {
    guard serving else { return }
    handle(.begun)
    becomeReady(1)
  }

  /// Handles an event; a launch succeeds.
  mutating func handle(_ event: ServiceEvent) {
    actions = state.handle(event, at: Moment(time: time, date: 7))
    for case .launch(let number, let cause) in actions {
      state.generations.append(
        Generation(number: number, master: pid(number), cause: cause, startedAt: time, settings: settings))
      actions += state.handle(.launched(number), at: Moment(time: time, date: 7))
    }
  }

  func pid(_ number: Int) -> pid_t { 100 + pid_t(number) }

  /// The generation reports its ready workers, and that it serves.
  mutating func becomeReady(_ number: Int, workers: Int = 2) {
    if let index = state.index(of: number) {
      state.generations[index].settings.workers = workers
      state.generations[index].workers = (0..<workers).map {
        WorkerStatus(slot: $0, pid: pid_t(1000 * number + $0), workerIndex: $0, state: .ready)
      }
    }
    handle(.becameReady(number))
  }

  /// Its last workers end with the master, unless they go on without it.
  mutating func masterEnds(_ number: Int, _ exitStatus: Process.ExitStatus, leavingWorkers: Bool = false) {
    if let index = state.index(of: number) {
      if !leavingWorkers { state.generations[index].workers = [] }
      state.generations[index].hasEnded = true
    }
    handle(.masterEnded(number, exitStatus))
  }

  mutating func workerEnds(
    _ number: Int, _ slot: Int, _ exitStatus: Process.ExitStatus, lost: LostRequests = LostRequests()
  ) {
    guard let worker = self[number]?.workers.first(where: { $0.slot == slot }) else { return }
    handle(.orphanEnded(number, worker, exitStatus, lost))
  }

  /// The time of the next deadline comes.
  mutating func wait() {
    time = max(time, state.nextDeadline)
    handle(.timerFired)
  }

  subscript(_ number: Int) -> Generation? { state.index(of: number).map { state.generations[$0] } }

  func stage(_ number: Int) -> Generation.Stage? { self[number]?.stage }

  // MARK: What was to be done

  var logs: [String] { actions.compactMap { if case .log(_, let text) = $0 { text } else { nil } } }

  var launches: [Int] { actions.compactMap { if case .launch(let number, _) = $0 { number } else { nil } } }

  /// All but log lines and notifications.
  var deeds: [ServiceAction] {
    actions.filter {
      switch $0 {
      case .log, .notify: false
      default: true
      }
    }
  }
}
