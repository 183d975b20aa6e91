import Control
import HTTP
import IPC
import Platform

/// The responses of the control socket as JSON. Times are milliseconds.
struct StatusReport {
  private let state: ServiceState
  private let now = Clock.monotonic()

  init(_ state: ServiceState) { self.state = state }

  private func age(_ moment: UInt64) -> JSON {
    .integer(moment < now ? (now - moment) / Clock.nanosecondsPerMillisecond : 0)
  }

  private static func object(_ members: (String, JSON)...) -> JSON {
    .object(members.map { JSON.Member($0.0, $0.1) })
  }

  // MARK: The service

  var status: JSON {
    let counters = state.counters
    let gauges = state.gauges
    return StatusReport.object(
      ("pid", .integer(Process.id)),
      ("ready", .boolean(state.isReady)),
      ("scale", .integer(state.workerDelta)),
      ("workers", scale),
      (
        "paused_plugins",
        .array(plugins.elements.filter { $0["paused_for_ms"]?.number != nil }.compactMap { $0["name"] })
      ),
      ("generations", .array(state.generations.map(describe))),
      ("requests", .integer(counters.count(.requests))),
      ("in_flight", .integer(gauges.requestsInFlight)),
      ("oldest_request_ms", flights.map { age($0.start) }.max { $0.number ?? 0 < $1.number ?? 0 } ?? .null),
      ("connections", .integer(gauges.connections)),
      ("hints_sent", .integer(counters.count(.hintsSent))),
      (
        "worker_restarts",
        .object(
          RestartCause.allCases.map { JSON.Member(MetricsName.snake("\($0)"), .integer(counters.count($0))) })
      ),
      (
        "master_restarts",
        .object(
          ServiceState.Restarts.Cause.allCases.map { JSON.Member($0.name, .integer(state.restarts[$0])) })
      ),
      ("last_reload", state.lastReload.map(StatusReport.describe) ?? .null)
    )
  }

  /// The configured and wanted number of workers, of the serving or starting generation.
  var scale: JSON {
    let configured = (state.accepting ?? state.starting)?.settings.workers
    return StatusReport.object(
      ("configured", configured.map { .integer($0) } ?? .null),
      ("scale", .integer(state.workerDelta)),
      ("wanted", configured.map { .integer($0 + state.workerDelta) } ?? .null))
  }

  /// The response of this program to clients that requested the replacement of the program.
  var succession: JSON {
    StatusReport.object(
      ("version", .string(ProgramFile.version)), ("pid", .integer(Process.id)),
      ("generations", .integer(state.generations.count)))
  }

  private func describe(_ generation: Generation) -> JSON {
    StatusReport.object(
      ("number", .integer(generation.number)), ("master", generation.hasEnded ? .null : .integer(generation.master)),
      ("stage", .string(generation.stage.rawValue)), ("cause", .string(generation.cause.rawValue)),
      ("step", generation.stage == .starting ? .string(generation.step) : .null),
      ("age_ms", age(generation.startedAt)), ("workers", .integer(generation.workers.count)),
      ("ready_workers", .integer(generation.workers.count { $0.state == .ready })))
  }

  static func describe(_ reload: ServiceState.Reload) -> JSON {
    object(
      ("generation", .integer(reload.generation)), ("ended_at", .integer(reload.endedAt)),
      ("duration_ms", .integer(reload.duration / Clock.nanosecondsPerMillisecond)),
      ("failure", reload.failure.map { .string($0) } ?? .null))
  }

  // MARK: Workers

  /// The maximum number of a worker's requests that are shown.
  private static let maxFlights = 16

  var workers: JSON {
    .array(
      state.generations.flatMap { generation in
        generation.workers.sorted { ($0.workerIndex, $0.slot) < ($1.workerIndex, $1.slot) }.map {
          describe($0, generation)
        }
      })
  }

  /// Pid and state come from the master, the rest from the worker's slot.
  private func describe(_ worker: WorkerStatus, _ generation: Generation) -> JSON {
    let slot = slot(of: worker, generation)
    let flights = slot?.flights.sorted { $0.start < $1.start } ?? []
    return StatusReport.object(
      ("pid", .integer(worker.pid)), ("worker", .integer(worker.workerIndex)),
      ("generation", .integer(generation.number)),
      ("state", .string(worker.state.rawValue)),
      ("requests", .integer(slot?.ownRequests ?? 0)),
      ("in_flight", .integer(slot?.open(.requests, .requestsEnded) ?? 0)),
      ("connections", .integer(slot?.open(.connections, .connectionsClosed) ?? 0)),
      ("flights", .array(flights.prefix(StatusReport.maxFlights).map { describe($0, generation) }))
    )
  }

  private func slot(of worker: WorkerStatus, _ generation: Generation) -> ScoreboardSlot? {
    guard let board = generation.scoreboard, worker.slot < board.board.layout.slots else { return nil }
    return board.board.slot(worker.slot)
  }

  private func describe(_ flight: Flight, _ generation: Generation) -> JSON {
    func text(_ bytes: [UInt8]) -> JSON { .string(String(decoding: bytes, as: UTF8.self)) }
    let plugins = generation.plugins
    return StatusReport.object(
      ("method", text(flight.method)), ("path", text(flight.path)), ("id", text(flight.id)),
      ("plugin", plugins.indices.contains(flight.plugin) ? .string(plugins[flight.plugin].name) : .null),
      ("age_ms", age(flight.start)))
  }

  private var flights: [Flight] {
    state.generations.flatMap { generation in
      generation.workers.flatMap { slot(of: $0, generation)?.flights ?? [] }
    }
  }

  // MARK: What serves

  func listeners(_ store: borrowing ListenerStore) -> JSON {
    var listeners: [JSON] = []
    for spec in state.accepting?.listenerSpecs ?? [] {
      guard let socket = store.socket(spec.name) else { continue }
      listeners.append(
        StatusReport.object(
          ("name", .string(spec.name)), ("bind", .string(socket.bind)), ("address", .string("\(socket.address)")),
          ("origin", .string(socket.origin.rawValue)), ("backlog", .integer(spec.options.backlog)),
          ("waiting", socket.waiting.map { .integer($0) } ?? .null)))
    }
    return .array(listeners)
  }

  var plugins: JSON {
    let counters = state.counters
    let pauses = state.accepting.map { accepting in
      accepting.plugins.indices.map { accepting.pauseLeft($0, at: now).map { $0 / Clock.nanosecondsPerMillisecond } }
    }
    return .array(
      zip(state.accepting?.plugins ?? [], pauses ?? []).map { plugin, pause in
        let counted = counters.plugins.first { $0.name == plugin.name }
        return StatusReport.object(
          ("name", .string(plugin.name)), ("title", .string(plugin.title)), ("mount", .string(plugin.mount)),
          ("path", .string(plugin.path)), ("styles", .string(plugin.styles)),
          ("requests", .integer(counted?.responses.reduce(0, &+) ?? 0)),
          ("paused_for_ms", pause.map { .integer($0) } ?? .null))
      })
  }
}
