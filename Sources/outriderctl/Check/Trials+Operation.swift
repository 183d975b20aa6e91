import Control
import Glibc
import Platform

extension Trial {
  /// Behind the others: their clients have left, and no request is in flight.
  static let left = Trial("after all clients have left") { server throws(CheckError) in
    guard try !CheckWait.until(CheckWait.deadline, { server.isIdle }) else { return nil }
    let count = server.status?["in_flight"]?.number ?? 0
    return "\(count == 1 ? "1 request is" : "\(count) requests are") still in flight"
  }

  /// What operators do while requests are in flight. The last trial ends the server.
  static func operation(_ path: String) -> [Trial] {
    [
      Trial("a reload under requests GET \(path)") { server throws(CheckError) in
        try reload(server) { () throws(CheckError) in try fault(.get(path), server) }
      },
      Trial("a reload during POST \(path)") { server throws(CheckError) in
        let request = HTTP1Request.post(path, size: 1000)
        let generation = server.generation
        var client = try begin(request, server)
        if let fault = try reload(server, { () throws(CheckError) in nil }) { return fault }
        _ = try CheckWait.until(CheckWait.deadline) { server.drains(generation) }
        try client.connection.send(Array(request.body.dropFirst(100)))
        return try client.answer().fault
      },
      Trial("the end of the server during POST \(path)") { server throws(CheckError) in
        let fault = try end(server, during: .post(path, size: 1000))
        guard try server.waitForEnd() else { return "the server has not ended after SIGTERM" }
        if let fault { return fault }
        let status = server.exitStatus ?? .exited(0)
        return status == .exited(0) ? nil : "the server \(status) at its end"
      },
    ]
  }

  /// Sends a request but for the rest of its content, and waits until the worker has its head.
  private static func begin(_ request: HTTP1Request, _ server: CheckServer) throws(CheckError) -> HTTP1Client {
    let client = try HTTP1Client(port: server.port)
    let before = server.status?["requests"]?.number ?? 0
    try client.connection.send(request.head + request.body.prefix(100))
    _ = try CheckWait.until(CheckWait.deadline) { server.status?["requests"]?.number ?? .max > before }
    return client
  }

  /// Has the server end while a request is under way, which is finished then.
  private static func end(_ server: CheckServer, during request: HTTP1Request) throws(CheckError) -> String? {
    let generation = server.generation
    var client = try begin(request, server)
    server.send(SIGTERM)
    _ = try CheckWait.until(CheckWait.deadline) { server.drains(generation) }
    try client.connection.send(Array(request.body.dropFirst(100)))
    return try client.answer().fault
  }

  /// Reloads, and does something again and again until the next generation serves.
  private static func reload(
    _ server: CheckServer, _ meanwhile: () throws(CheckError) -> String?
  ) throws(CheckError) -> String? {
    let before = server.status?["last_reload"] ?? .null
    server.send(SIGHUP)
    while true {
      if let fault = try meanwhile() { return fault }
      guard !server.hasEnded else { return "the server has ended at a reload" }
      // server.boot_timeout bounds it.
      guard let last = server.status?["last_reload"], last != before else {
        _ = try CheckWait.until(Clock.monotonic() &+ 5 * Clock.nanosecondsPerMillisecond) { false }
        continue
      }
      return last["failure"]?.text.map { "the reload failed: \($0)" }
    }
  }
}
