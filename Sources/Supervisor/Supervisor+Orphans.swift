import Glibc
import HTTP
import IPC
import Logging
import Platform

// Workers whose master has died. They become children of this process and serve until another generation does, because
// a broken plugin or configuration on disk may prevent every other generation from starting.

extension Supervisor {
  /// Adopts workers of a master that has ended: those that it has reported, that are children of this process now, and
  /// that were started in its session. Other pids are ignored.
  mutating func adoptWorkers(of index: Int) {
    let master = state.generations[index].master
    state.generations[index].workers.removeAll { !Process.isChild($0.pid, inSessionOf: master) }
    state.generations[index].markReadyWorkers()
    // A starting worker has no requests to finish.
    for worker in state.generations[index].workers where worker.state == .starting {
      Process.send(SIGKILL, to: worker.pid)
    }
  }

  /// A child that is not a master has ended.
  mutating func orphanEnded(_ pid: pid_t, _ exitStatus: Process.ExitStatus) {
    guard
      let generation = state.generations.first(where: { generation in
        generation.hasEnded && generation.workers.contains { $0.pid == pid }
      }), let worker = generation.workers.first(where: { $0.pid == pid })
    else { return }
    countLost(worker, generation, exitStatus)
    handle(.orphanEnded(generation.number, worker, exitStatus, generation.lostRequests(of: worker)))
  }

  /// Counts the lost requests of a worker whose master is gone.
  private mutating func countLost(_ worker: WorkerStatus, _ generation: Generation, _ exitStatus: Process.ExitStatus) {
    guard let board = generation.scoreboard, worker.slot < board.board.layout.slots else { return }
    state.pastCounters.addLost(
      worker.slot, of: board.board,
      exitStatus == .killed(SIGKILL) && generation.stage != .orphaned ? .cancelled : .crashed)
  }
}

extension Generation {
  /// Marks workers as ready that became ready after their master's last message, according to the scoreboard.
  fileprivate mutating func markReadyWorkers() {
    workers = workers.map { worker in
      guard worker.state == .starting, slot(of: worker)?.state == .ready else { return worker }
      return WorkerStatus(slot: worker.slot, pid: worker.pid, workerIndex: worker.workerIndex, state: .ready)
    }
  }

  /// The number of workers that keep serving after their master has died.
  var orphans: Int { stage == .orphaned ? workers.count { $0.state == .ready } : 0 }

  /// Why the number of workers of an orphaned generation can't change.
  var whyNotScalable: String {
    "the \(orphans) worker(s) of generation \(number) have no master that would add or remove any: reload instead"
  }

  func name(of worker: WorkerStatus) -> String {
    "worker \(worker.workerIndex) (pid \(worker.pid)) of generation \(number)"
  }

  private func slot(of worker: WorkerStatus) -> ScoreboardSlot? {
    guard let scoreboard, worker.slot < scoreboard.board.layout.slots else { return nil }
    return scoreboard.board.slot(worker.slot)
  }

  /// The maximum number of lost requests that are logged; others are only counted.
  private static let lostShown = 8
  private static let maxLineLength = 512

  /// The worker has written the records, so they are only logged, and determine only whether its end is logged.
  fileprivate func lostRequests(of worker: WorkerStatus) -> LostRequests {
    guard let slot = slot(of: worker) else { return LostRequests() }
    var lines = slot.flights.prefix(Generation.lostShown).map { flight in
      func text(_ bytes: [UInt8]) -> String { String(decoding: bytes, as: UTF8.self) }
      let plugin = plugins.indices.contains(flight.plugin) ? plugins[flight.plugin].name : "?"
      let request = "\(text(flight.method)) \(text(flight.path)) plugin=\(plugin) request=\(text(flight.id))"
      return "lost with it: " + PrintableText.oneLine(request, limit: Generation.maxLineLength)
    }
    let open = slot.open(.requests, .requestsEnded)
    if open > lines.count && open < 1 << 32 { lines.append("lost with it: \(open - UInt64(lines.count)) more") }
    if let webSockets = slot.webSockets.lostText { lines.append(webSockets) }
    return LostRequests(count: open, lines: lines)
  }
}
