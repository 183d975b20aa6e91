import Control
import Glibc
import Logging
import Platform

// The control socket: one JSON object a line asks, one answers, in turn. An answer has "ok", and "result" or "error".

extension Supervisor {
  /// Answers the first line that a client of the control socket has sent, if it is complete.
  mutating func obey(_ visitor: Visitor) {
    guard let end = visitor.input.firstIndex(of: UInt8(ascii: "\n")) else {
      guard visitor.input.count >= ControlOrder.longestLine else { return }
      visitor.refuse("the line is longer than \(ControlOrder.longestLine) bytes")
      return
    }
    let line = Array(visitor.input[..<end])
    visitor.input.removeSubrange(...end)
    do throws(ControlOrder.Fault) {
      guard line.count < ControlOrder.longestLine else {
        throw ControlOrder.Fault(
          reason: "the line is longer than \(ControlOrder.longestLine) bytes", isMalformed: true)
      }
      let order = try ControlOrder(line: line)
      log.debug("control: \(order.name)")
      if let result = try obey(order, visitor) { visitor.answer(result: result) }
    } catch {
      if error.isMalformed { visitor.refuse(error.reason) } else { visitor.answer(reason: error.reason) }
    }
  }

  /// What is answered at once; nil if the answer comes later.
  private mutating func obey(_ order: ControlOrder, _ visitor: Visitor) throws(ControlOrder.Fault) -> JSON? {
    switch order {
    case .status: return StatusReport(state).status
    case .workers: return StatusReport(state).workers
    case .listeners: return StatusReport(state).listeners(store)
    case .plugins: return StatusReport(state).plugins
    case .config:
      guard let serving = state.serving else { throw ControlOrder.Fault(reason: "config: no generation serves") }
      return .string(serving.configuration)
    case .metrics: return .string(MetricsText.make(state))
    case .reload:
      try checkServing(order)
      let isQueued = state.starting != nil || drainsTooMany
      reload()
      visitor.awaitedGeneration = isQueued ? state.generationCount + 1 : state.generationCount
      visitor.stage = .waiting
      // It ends with the start of a generation, which has a deadline of its own.
      visitor.deadline = .max
      return nil
    case .reopen:
      heed(SIGUSR1)
      return .null
    case .scale(let change):
      try checkServing(order)
      scale(by: change)
      return .null
    case .retire(let pid):
      try checkServing(order)
      guard let generation = state.generations.first(where: { $0.workers.contains { $0.pid == pid } }) else {
        throw ControlOrder.Fault(reason: "retire: \(pid) is not a worker")
      }
      guard generation.stage == .serving else {
        throw ControlOrder.Fault(reason: "retire: \(pid) is of generation \(generation.number), which does not serve")
      }
      generation.channel?.send(kind: MasterMessage.retire.rawValue, text: Array("\(pid)".utf8))
      return .null
    case .stop(let now):
      if now { stopAll() } else if aim == .serve { drainAll() }
      return .null
    }
  }

  private func checkServing(_ order: ControlOrder) throws(ControlOrder.Fault) {
    guard aim == .serve else { throw ControlOrder.Fault(reason: "\(order.name): the service is stopping") }
  }

  /// Tells those who wait for a reload how it has ended.
  mutating func answerReloads() {
    for visitor in visitors.all where visitor.stage == .waiting {
      if let reload = state.lastReload, reload.generation >= visitor.awaitedGeneration {
        if let failure = reload.failure {
          visitor.answer(reason: "reload failed: \(failure)")
        } else {
          visitor.answer(result: StatusReport.describe(reload))
        }
      } else if aim != .serve {
        visitor.answer(reason: "reload: the service is stopping")
      } else {
        continue
      }
      visitor.deadline = Clock.monotonic() &+ visitor.kind.patience
      goOn(with: visitor, registeredFor: [])
    }
  }
}

extension Visitor {
  fileprivate func answer(result: JSON) {
    send(.object([JSON.Member("ok", true), JSON.Member("result", result)]))
  }

  /// Nothing more of it is read.
  fileprivate func refuse(_ reason: String) {
    input = []
    partsAfterAnswer = true
    answer(reason: reason)
  }

  fileprivate func answer(reason: String) {
    send(.object([JSON.Member("ok", false), JSON.Member("error", .string(reason))]))
  }

  private func send(_ json: JSON) { answer(Array("\(json)\n".utf8)) }
}
