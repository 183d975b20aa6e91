import Outrider
import OutriderTesting
import Testing

private final class Visits {
  var count = 0
  var watched: WatchedThread?
}

/// A blocking handler that uses what the host offers beside requests, and counts the requests of its thread.
private struct Pages: ThreadHandler {
  let host: OutriderHost
  let store: Store

  init(_ host: OutriderHost) throws {
    self.host = host
    store = try host.store()
  }

  func threadStart(_ thread: ThreadInfo) throws -> Visits {
    if try host.configuration.decode(Settings.self).refuses ?? false { throw OutriderError(.failed, in: "a test") }
    host.log(.info, "thread \(thread.index) of \(thread.threads) begins")
    return Visits()
  }

  struct Settings: Decodable { let refuses: Bool? }

  func threadStop(_ visits: Visits) { host.log(.info, "a thread ends after \(visits.count)") }

  func handle(_ request: borrowing Request, _ visits: inout Visits) throws {
    visits.count += 1
    switch request.head.path {
    case "/visits": try request.respond(200, .none, "\(visits.count)")
    case "/store": try request.respond(200, .none, try useStore())
    case "/not-ready":
      try host.setNotReady("the cache is cold")
      try request.respond(204)
    case "/ready":
      try host.setReady()
      try request.respond(204)
    case "/watch":
      visits.watched = try host.watchThread("refresher")
      visits.watched?.alive()
      try request.respond(204)
    case "/idle":
      visits.watched?.idle()
      try request.respond(204)
    case "/unwatch":
      visits.watched = nil
      try request.respond(204)
    default: throw OutriderError(.failed, in: "a test")
    }
  }

  /// What of the calls was not as documented.
  private func useStore() throws -> String {
    var faults: [String] = []
    func check(_ holds: Bool, _ line: Int = #line) { if !holds { faults.append("line \(line)") } }
    let large = [UInt8](repeating: 7, count: 4000)
    check(try store.get("color") == nil)
    try store.set("color", "green")
    check(try store.get("color") == Array("green".utf8))
    try store.set("large", large.span)
    check(try store.get("large") == large)
    check(try store.compareAndSet("color", expected: Array("red".utf8), []) == false)
    check(try store.compareAndSet("color", expected: Array("green".utf8), Array("blue".utf8)))
    check(try store.compareAndSet("color", expected: nil, []) == false)
    check(try store.compareAndSet("shape", expected: nil, Array("round".utf8), expiresIn: .seconds(60)))
    check(try store.add("hits", 2) == 2)
    check(try store.add("hits", -5) == -3)
    check(try store.keys().sorted() == ["color", "hits", "large", "shape"])
    check(try store.keys(withPrefix: "c") == ["color"])
    check(try store.remove("color"))
    check(try store.remove("color") == false)
    do {
      try store.set("", "no key")
      check(false)
    } catch { check(error.code == .invalid) }
    return faults.joined(separator: ", ")
  }
}

/// The store, health, and the values of threads, in the mock host.
struct ExtensionTests {
  @Test func theStoreDoesWhatItSays() async throws {
    try await withMockHost(Pages.self, MockSettings(model: .gthread)) { host in
      let response = try host.respond(to: "/store")
      #expect(response.status == 200 && response.body == "")
    }
  }

  @Test func anEntryIsReadyUntilItSaysOtherwise() async throws {
    try await withMockHost(Pages.self, MockSettings(model: .gthread)) { host in
      #expect(host.notReadyReason == nil)
      _ = try host.respond(to: "/not-ready")
      #expect(host.notReadyReason == "the cache is cold")
      _ = try host.respond(to: "/ready")
      #expect(host.notReadyReason == nil)
    }
  }

  @Test func aThreadIsWatchedUntilNothingRefersToIt() async throws {
    try await withMockHost(Pages.self, MockSettings(model: .gthread)) { host in
      for path in ["/watch", "/watch"] {
        let response = try host.respond(to: path)
        #expect(response.status == 204)
        host.advance(nanoseconds: 2_000_000_000)
        #expect(host.silentThread(nanoseconds: 1_000_000_000) == "refresher")
        _ = try host.respond(to: "/idle")
        #expect(host.silentThread(nanoseconds: 1_000_000_000) == nil)
      }
      _ = try host.respond(to: "/watch")
      _ = try host.respond(to: "/unwatch")
      host.advance(nanoseconds: 2_000_000_000)
      #expect(host.silentThread(nanoseconds: 1_000_000_000) == nil)
    }
  }

  @Test func aThreadHasItsOwnValue() async throws {
    try await withMockHost(Pages.self, MockSettings(model: .gthread)) { host in
      let bodies = try (0..<3).map { _ in try host.respond(to: "/visits").body }
      #expect(bodies == ["1", "2", "3"])
      #expect(host.logLines == ["thread 0 of 1 begins"])
    }
  }

  @Test func aThreadThatCannotStartRefusesTheWorker() async throws {
    let refused = await #expect(throws: MockRefusal.self) {
      try await withMockHost(Pages.self, MockSettings(model: .gthread, configuration: #"{"refuses": true}"#)) { _ in }
    }
    #expect(refused?.reason.contains("a test: OUTRIDER_E_FAILED") == true)
  }
}
