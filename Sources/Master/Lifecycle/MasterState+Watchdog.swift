import Platform

// Workers that do not respond, break the protocol, or do not exit in time.

extension MasterState {
  /// How long an aborted worker may take to record its stacks.
  static let dumpTime = 2 * Clock.nanosecondsPerSecond

  mutating func workersChecked(_ samples: [WorkerSample], _ now: UInt64, _ actions: inout [MasterAction]) {
    for sample in samples {
      guard let worker = workers[sample.slot], !worker.isAborted else { continue }
      if !worker.isReady {
        guard now >= worker.spawnedAt &+ limits.bootTimeout else { continue }
        let hook = sample.hook.map { ", in \($0)" } ?? ""
        abortUnresponsive(sample.slot, worker, "not ready within boot_timeout\(hook)", now, &actions)
      } else if let symptom = watchdog.symptom(sample, now) {
        abortUnresponsive(sample.slot, worker, symptom, now, &actions)
      } else if limits.memoryLimit > 0, let memory = sample.memory, memory > limits.memoryLimit {
        scheduleReplacement(of: sample.slot, because: .memoryLimit, &actions)
      }
    }
    startNextReplacement(&actions)
  }

  private mutating func abortUnresponsive(
    _ slot: Int, _ worker: WorkerTable.Entry, _ symptom: String, _ now: UInt64, _ actions: inout [MasterAction]
  ) {
    actions.append(.log(.critical, "\(worker.name) unresponsive (\(symptom)); aborting"))
    abort(slot, now, &actions)
  }

  mutating func protocolViolated(_ slot: Int, _ reason: String, _ now: UInt64, _ actions: inout [MasterAction]) {
    guard let worker = workers[slot] else { return }
    actions.append(.log(.critical, "\(worker.name) \(reason), which no worker does; aborting"))
    workers.update(slot) { $0.hasViolatedProtocol = true }
    // There is no watchdog before the generation serves.
    if stage == .starting { actions.append(.kill(worker.pid)) } else { abort(slot, now, &actions) }
  }

  /// Sends SIGABRT, so that the worker records its stacks; SIGKILL follows.
  private mutating func abort(_ slot: Int, _ now: UInt64, _ actions: inout [MasterAction]) {
    workers.update(slot) {
      $0.isAborted = true
      $0.killAt = now &+ MasterState.dumpTime
    }
    actions.append(.abort(slot))
  }

  // MARK: Deadlines

  /// Kills the workers whose own deadline has passed.
  mutating func killOverdue(_ now: UInt64, _ actions: inout [MasterAction]) {
    for slot in workers.slots {
      guard let worker = workers[slot], now >= worker.killAt else { continue }
      kill(slot, worker, isLogged: true, &actions)
    }
  }

  /// Kills the remaining workers: the deadline of the generation has passed.
  mutating func killAll(_ actions: inout [MasterAction]) {
    for slot in workers.slots {
      if let worker = workers[slot] { kill(slot, worker, isLogged: stage == .draining, &actions) }
    }
  }

  private mutating func kill(
    _ slot: Int, _ worker: WorkerTable.Entry, isLogged: Bool, _ actions: inout [MasterAction]
  ) {
    // The log already has a line about an aborted worker.
    if isLogged && !worker.isAborted {
      actions.append(.log(.error, "\(worker.name) has not finished within server.graceful_timeout; killing it"))
    }
    workers.update(slot) { $0.killAt = .max }
    actions.append(.kill(worker.pid))
  }
}
