import Outrider
import OutriderTesting
import Testing

private struct Pages: AsyncHandler {
  init(_ host: OutriderHost) {}

  func handle(_ request: AsyncRequest) async throws {
    switch request.path {
    case "/echo":
      try await request.start(200)
      for try await piece in request.body { try await request.write(piece) }
    case "/large": try request.respond(200, .none, [UInt8](repeating: 120, count: 3 << 20))
    case "/wait":
      do { try await request.sleep(for: .seconds(60)) } catch {
        request.log(.info, "ended: \(error)")
        throw error
      }
    case "/stream":
      request.cancelsOnDrain = true
      try await request.start(200)
      while true {
        try await request.write("x")
        try await request.sleep(for: .seconds(1))
      }
    case "/detached": try request.respond(200, .none, "\(await Task.detached { 42 }.value)")
    default: throw OutriderError(.failed, in: "a test")
    }
  }
}

/// Async handlers in the mock host, with the checks of a debug build.
struct AsyncTests {
  @Test func theBodyComesInPieces() async throws {
    try await withMockHost(Pages.self) { host in
      var request = MockRequest("/echo", method: "POST")
      request.bodyFollows = true
      let exchange = try host.send(request)
      exchange.feed("one")
      host.run()
      exchange.feed("two")
      host.run()
      let begun = exchange.response
      #expect(begun.ending == .open)
      exchange.endBody()
      host.run()
      let response = exchange.response
      #expect(response.ending == .complete && response.body == "onetwo")
      #expect(host.misuses.isEmpty)
    }
  }

  @Test func aLargeResponseWaitsForTheClient() async throws {
    try await withMockHost(Pages.self) { host in
      var request = MockRequest("/large")
      request.isSlow = true
      let exchange = try host.send(request)
      for _ in 0..<400 {
        exchange.take(16 * 1024)
        host.run()
      }
      let response = exchange.response
      #expect(response.ending == .complete && response.body.utf8.count == 3 << 20)
      #expect(host.misuses.isEmpty)
    }
  }

  @Test func aClientThatLeavesEndsASleep() async throws {
    try await withMockHost(Pages.self) { host in
      let exchange = try host.send(MockRequest("/wait"))
      exchange.leave()
      host.run()
      #expect(host.logLines == ["ended: CancellationError()"])
    }
  }

  @Test func aStreamEndsAtADrain() async throws {
    try await withMockHost(Pages.self) { host in
      let exchange = try host.send(MockRequest("/stream"))
      host.advance(nanoseconds: 2_500_000_000)
      host.drain()
      host.run()
      let response = exchange.response
      #expect(response.ending == .complete && response.body == "xxx")
    }
  }

  @Test func aTaskComesBackFromAnotherThread() async throws {
    try await withMockHost(Pages.self) { host in
      let exchange = try host.send(MockRequest("/detached"))
      while exchange.response.ending == .open { _ = host.wait(milliseconds: 1000) }
      let response = exchange.response
      #expect(response.body == "42")
    }
  }

  @Test func anErrorIsTheServersPage() async throws {
    try await withMockHost(Pages.self) { host in
      let response = try host.respond(to: "/error")
      #expect(response.ending == .page && response.status == 500)
      #expect(host.logLines.count == 1)
    }
  }
}
