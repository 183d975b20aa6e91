import Control
import Glibc
import IPC
import Logging
import Platform

// The control socket. Each command is a JSON object on one line, and so is its response, which has "ok" and "result" or
// "error".

extension Supervisor {
  /// Handles the first line of a connection to the control socket, if it is complete.
  mutating func handle(_ connection: AdminConnection) {
    guard let end = connection.input.firstIndex(of: UInt8(ascii: "\n")) else {
      guard connection.input.count >= ControlCommand.maxLineLength else { return }
      connection.refuse("the line is longer than \(ControlCommand.maxLineLength) bytes")
      return
    }
    let line = Array(connection.input[..<end])
    connection.input.removeSubrange(...end)
    do throws(ControlCommandError) {
      guard line.count < ControlCommand.maxLineLength else {
        throw ControlCommandError(
          reason: "the line is longer than \(ControlCommand.maxLineLength) bytes", isMalformed: true)
      }
      let command = try ControlCommand(line: line)
      log.debug("control: \(command.name)")
      if let result = try handle(command, connection) { connection.respond(result: result) }
    } catch {
      if error.isMalformed { connection.refuse(error.reason) } else { connection.respond(error: error.reason) }
    }
  }

  /// - Returns: the result; nil if it follows later.
  private mutating func handle(_ command: ControlCommand, _ connection: AdminConnection) throws(ControlCommandError)
    -> JSON?
  {
    switch command {
    case .status: return StatusReport(state).status
    case .workers: return StatusReport(state).workers
    case .listeners: return StatusReport(state).listeners(store)
    case .plugins: return StatusReport(state).plugins
    case .config:
      guard let serving = state.accepting else { throw ControlCommandError(reason: "config: no generation serves") }
      return .string(serving.configuration)
    case .metrics: return .string(MetricsText.make(&state))
    case .reload:
      try checkServing(command)
      let isQueued = state.reloadHasToWait
      handle(.reloadRequested)
      connection.wait(for: .generation(isQueued ? state.generationCount + 1 : state.generationCount))
      return nil
    case .reopen:
      handle(SIGUSR1)
      return .null
    case .upgrade:
      try checkServing(command)
      // The successor would not see further requests.
      connection.closesAfterResponse = true
      connection.wait(for: .replacement)
      handle(.replacementRequested)
      return nil
    case .scale(let scale):
      try checkServing(command)
      let change = try state.change(of: scale)
      if change != 0 { handle(.scaleRequested(by: change)) }
      return StatusReport(state).scale
    case .retire(let pid):
      try checkServing(command)
      guard let generation = state.generations.first(where: { $0.workers.contains { $0.pid == pid } }) else {
        throw ControlCommandError(reason: "retire: \(pid) is not a worker")
      }
      guard generation.stage != .orphaned else {
        throw ControlCommandError(reason: "retire: \(pid) has no master that would replace it: reload instead")
      }
      guard generation.stage.isServing else {
        throw ControlCommandError(reason: "retire: \(pid) is of generation \(generation.number), which does not serve")
      }
      generation.channel?.send(MasterMessage.retire, KeyedFields("pid", pid))
      return .null
    case .stop(let now):
      if now { handle(.stopRequested) } else if !state.isEnding { handle(.shutdownRequested) }
      return .null
    }
  }

  private func checkServing(_ command: ControlCommand) throws(ControlCommandError) {
    guard !state.isEnding else { throw ControlCommandError(reason: "\(command.name): the service is stopping") }
  }

  /// Responds to the connections that wait for a reload or replacement that has ended.
  mutating func respondToWaiting() {
    for connection in adminConnections.all where connection.stage == .waiting {
      switch connection.awaited {
      case .generation(let number)?:
        if let reload = state.lastReload, reload.generation >= number {
          if let failure = reload.failure {
            connection.respond(error: "reload failed: \(failure)")
          } else {
            connection.respond(result: StatusReport.describe(reload))
          }
        } else if state.isEnding && state.starting == nil {
          connection.respond(error: "reload: the service is stopping")
        } else {
          continue
        }
      case .replacement?:
        if let failure = replacementFailure {
          connection.respond(error: "upgrade failed: \(failure)")
        } else if state.isEnding {
          connection.respond(error: "upgrade: the service is stopping")
        } else {
          continue
        }
      case nil: continue
      }
      finishWaiting(connection)
    }
    replacementFailure = nil
  }

  /// Responds to connections that wait for this program to take over. Connections that wait for a reload keep waiting.
  mutating func respondAfterReplacement() {
    for connection in adminConnections.all where connection.awaited != nil {
      guard register(connection), connection.awaited == .replacement else { continue }
      connection.respond(result: StatusReport(state).succession)
      finishWaiting(connection)
    }
  }

  private mutating func finishWaiting(_ connection: AdminConnection) {
    connection.awaited = nil
    connection.deadline = Clock.monotonic() &+ connection.kind.timeout
    advance(connection, registeredFor: [])
  }
}

extension AdminConnection {
  fileprivate func respond(result: JSON) {
    send(.object([JSON.Member("ok", true), JSON.Member("result", result)]))
  }

  /// Responds with an error, and reads no more.
  fileprivate func refuse(_ reason: String) {
    input = []
    closesAfterResponse = true
    respond(error: reason)
  }

  fileprivate func respond(error: String) {
    send(.object([JSON.Member("ok", false), JSON.Member("error", .string(error))]))
  }

  private func send(_ json: JSON) { respond(Array("\(json)\n".utf8)) }
}
