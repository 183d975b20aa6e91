import Foundation
import Outrider
import Trials

struct BlockingTrials: Handler {
  static let hints: Fields = ["link": "</style.css>; rel=preload; as=style"]

  init(_ host: OutriderHost) throws { prepare() }

  func handle(_ request: borrowing Request) throws {
    switch request.head.path {
    case "/":
      try request.earlyHints(Self.hints)
      try request.respond(200, .none, "hello\n")
    case "/lazy": try request.respond(200, .none, lazyGlobal())
    case "/mutex": try request.respond(200, .none, mutex())
    case "/foundation": try request.respond(200, .none, foundation())
    case "/task": try request.respond(200, .none, wait { "\(await Task { 40 + 2 }.value)" })
    case "/detached": try request.respond(200, .none, wait { "\(await Task.detached { 40 + 2 }.value)" })
    case "/group": try request.respond(200, .none, wait { "\(await group())" })
    case "/echo":
      try request.start(200)
      var buffer = [UInt8](repeating: 0, count: 64 * 1024)
      while true {
        var room = buffer.mutableSpan
        let count = try request.read(into: &room)
        if count == 0 { break }
        try request.write(buffer.span.extracting(0..<count))
      }
    case "/count": try request.respond(200, .none, "\(try request.readBody(limit: 1 << 20).count)")
    case "/throw": throw TrialError()
    case "/forget": break
    case "/cut":
      try request.start(200, ["content-length": "10"])
      try request.write("half")
      throw TrialError()
    case "/note":
      try request.note("color", "blue")
      try request.respond(200, .none, request.head.field("User-Agent") ?? "")
    default: try request.respond(404)
    }
  }

  /// Waits for a task, as a handler that blocks may.
  private func wait(_ body: @escaping @Sendable () async -> String) -> String {
    final class Result: @unchecked Sendable { var text = "" }  // the semaphore orders its two users
    let (result, done) = (Result(), DispatchSemaphore(value: 0))
    Task {
      result.text = await body()
      done.signal()
    }
    done.wait()
    return result.text
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { BlockingTrials.plugin("trials", version: "1.0") }
