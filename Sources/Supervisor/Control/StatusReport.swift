import Control
import HTTP
import Platform

/// What the control socket tells of the service, as JSON. Times are milliseconds.
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
    let totals = state.totals
    let present = state.present
    return StatusReport.object(
      ("pid", .integer(Process.id)),
      ("ready", .boolean(state.isReady)),
      ("scale", .integer(state.scale)),
      ("generations", .array(state.generations.map(describe))),
      ("requests", .integer(totals.count(.requests))),
      ("in_flight", .integer(present.requestsInFlight)),
      ("oldest_request_ms", flights.map { age($0.start) }.max { $0.number ?? 0 < $1.number ?? 0 } ?? .null),
      ("connections", .integer(present.connections)),
      ("hints_sent", .integer(totals.count(.hintsSent))),
      (
        "worker_restarts",
        .object(
          RestartCause.allCases.map { JSON.Member(MetricsName.snake("\($0)"), .integer(totals.count($0))) })
      ),
      (
        "master_restarts",
        .object(
          ServiceState.Restarts.Cause.allCases.map { JSON.Member($0.name, .integer(state.restarts[$0])) })
      ),
      ("last_reload", state.lastReload.map(StatusReport.describe) ?? .null)
    )
  }

  private func describe(_ generation: Generation) -> JSON {
    StatusReport.object(
      ("number", .integer(generation.number)), ("master", .integer(generation.master)),
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

  /// Of a worker so many requests are described.
  private static let mostFlights = 16

  var workers: JSON {
    .array(
      state.generations.flatMap { generation in
        generation.workers.sorted { ($0.place, $0.slot) < ($1.place, $1.slot) }.map { describe($0, generation) }
      })
  }

  /// Processes are the master's word; the rest is the worker's own.
  private func describe(_ worker: WorkerNotice, _ generation: Generation) -> JSON {
    let slot = slot(of: worker, generation)
    let flights = slot?.flights.sorted { $0.start < $1.start } ?? []
    return StatusReport.object(
      ("pid", .integer(worker.pid)), ("worker", .integer(worker.place)), ("generation", .integer(generation.number)),
      ("state", .string(worker.state.rawValue)),
      ("requests", .integer(slot?.ownRequests ?? 0)),
      ("in_flight", .integer(slot?.open(.requests, .requestsEnded) ?? 0)),
      ("connections", .integer(slot?.open(.connections, .connectionsClosed) ?? 0)),
      ("flights", .array(flights.prefix(StatusReport.mostFlights).map { describe($0, generation) }))
    )
  }

  private func slot(of worker: WorkerNotice, _ generation: Generation) -> ScoreboardSlot? {
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
    for claim in state.serving?.claims ?? [] {
      guard let socket = store.socket(claim.name) else { continue }
      listeners.append(
        StatusReport.object(
          ("name", .string(claim.name)), ("bind", .string(socket.bind)), ("address", .string("\(socket.address)")),
          ("origin", .string(socket.origin.rawValue)), ("backlog", .integer(claim.options.backlog)),
          ("waiting", socket.waiting.map { .integer($0) } ?? .null)))
    }
    return .array(listeners)
  }

  var plugins: JSON {
    let totals = state.totals
    return .array(
      (state.serving?.plugins ?? []).map { plugin in
        let counted = totals.plugins.first { $0.name == plugin.name }
        return StatusReport.object(
          ("name", .string(plugin.name)), ("title", .string(plugin.title)), ("mount", .string(plugin.mount)),
          ("path", .string(plugin.path)), ("styles", .string(plugin.styles)),
          ("requests", .integer(counted?.answers.reduce(0, &+) ?? 0)))
      })
  }
}
