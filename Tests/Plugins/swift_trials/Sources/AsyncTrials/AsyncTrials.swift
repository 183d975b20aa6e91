import Outrider
import Trials

struct AsyncTrials: AsyncHandler {
  struct Settings: Decodable {
    /// What init does that it must not.
    let fault: String?
  }

  static let hints: Fields = ["link": "</style.css>; rel=preload; as=style"]

  let host: OutriderHost
  let answers: Counter
  let tally = Tally()

  init(_ host: OutriderHost) throws {
    let settings = try host.configuration.decode(Settings.self)
    switch settings.fault {
    case "thread": Task.detached { _ = await group() }
    case "task": Task { @Loop in host.log(.info, "never") }
    default: break
    }
    answers = try host.counter("answers_total", help: "Responses of the trials.")
    self.host = host
    prepare()
  }

  func workerStart(_ worker: WorkerInfo) throws {
    Task { @Loop in
      try await host.sleep(for: .milliseconds(1))
      host.log(.info, "a task of worker \(worker.index)")
    }
  }

  func handle(_ request: AsyncRequest) async throws {
    answers.add()
    switch request.path {
    case "/":
      try request.earlyHints(Self.hints)
      try request.respond(200, .none, "hello\n")
    case "/lazy": try request.respond(200, .none, lazyGlobal())
    case "/mutex": try request.respond(200, .none, mutex())
    case "/foundation": try request.respond(200, .none, foundation())
    case "/task": try request.respond(200, .none, "\(await Task { 40 + 2 }.value)")
    case "/detached": try request.respond(200, .none, "\(await Task.detached { 40 + 2 }.value)")
    case "/group": try request.respond(200, .none, "\(await group())")
    case "/actor": try request.respond(200, .none, await tally.add() > 0 ? "counted" : "")
    case "/continuation":
      let value = await withCheckedContinuation { continuation in Task.detached { continuation.resume(returning: 42) } }
      try request.respond(200, .none, "\(value)")
    case "/sleep":
      try await request.sleep(for: .milliseconds(20))
      try request.respond(200, .none, "slept")
    case "/task-sleep":
      try await Task.sleep(for: .milliseconds(20))
      try request.respond(200, .none, "slept")
    case "/timeout": try await timeout(request)
    case "/echo":
      try await request.start(200)
      for try await piece in request.body { try await request.write(piece) }
    case "/count": try request.respond(200, .none, "\(try await request.readBody(limit: 1 << 20).count)")
    case "/large": try request.respond(200, .none, [UInt8](repeating: 120, count: 4 << 20))
    case "/throw": throw TrialError()
    case "/forget": break
    case "/cut":
      try await request.start(200, ["content-length": "10"])
      try await request.write("half")
      throw TrialError()
    case "/wait": try await wait(request)
    case "/stream":
      request.cancelsOnDrain = true
      try await request.start(200)
      while true {
        try await request.write("piece\n")
        try await request.sleep(for: .milliseconds(10))
      }
    case "/note":
      try request.note("color", "blue")
      try request.respond(200, .none, request.field("User-Agent") ?? "")
    default: try request.respond(404)
    }
  }

  /// Waits until the client has left or the time is over.
  @Loop
  private func wait(_ request: AsyncRequest) async throws {
    request.log(.info, "waiting")
    do { try await request.sleep(for: .seconds(600)) } catch {
      request.log(
        .info, "ended: \(error), \(Task.isCancelled ? "cancelled" : "not cancelled"), path \"\(request.path)\"")
      throw error
    }
  }

  /// The body of the request, but no longer than a moment.
  @Loop
  private func timeout(_ request: AsyncRequest) async throws {
    let first = await withTaskGroup(of: String.self) { group in
      group.addTask { (try? await request.readBody(limit: 100)).map { "\($0.count)" } ?? "cancelled" }
      group.addTask {
        try? await request.sleep(for: .milliseconds(20))
        return "late"
      }
      let first = await group.next() ?? ""
      group.cancelAll()
      return "\(first), then \(await group.next() ?? "")"
    }
    try request.respond(200, .none, first)
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { AsyncTrials.plugin("trials", version: "1.0") }
