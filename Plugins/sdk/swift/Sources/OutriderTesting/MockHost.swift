import COutriderPlugin
public import Outrider

/// A host in memory, which loads a plugin as a worker does, passes requests to it, and keeps what it has answered:
/// outrider-testing(3). It opens no socket, and time does not pass until the test advances it.
///
///     @Test func greets() async throws {
///       try await withMockHost(Hello.self) { host in
///         let response = try host.respond(to: "/")
///         #expect(response.status == 200)
///       }
///     }
@safe
public struct MockHost: ~Copyable {
  let mock: OpaquePointer

  fileprivate init(_ mock: OpaquePointer) { unsafe self.mock = mock }
}

/// Loads the handler into a host of its own, calls `body`, and ends the host, all on one thread. Tests that run at the same time
/// wait for each other. Throws `MockRefusal` if the handler refuses to start.
public nonisolated(nonsending) func withMockHost<Content: Handler>(
  _ handler: Content.Type, _ settings: MockSettings = MockSettings(), _ body: (borrowing MockHost) throws -> Void
) async throws {
  await turn.take()
  defer { turn.give() }
  try unsafe withMockHost({ Content.plugin("mock", version: "1.0") }, settings, body)
}

/// The same, for a handler with a value for each thread.
public nonisolated(nonsending) func withMockHost<Content: ThreadHandler>(
  _ handler: Content.Type, _ settings: MockSettings = MockSettings(), _ body: (borrowing MockHost) throws -> Void
) async throws {
  await turn.take()
  defer { turn.give() }
  try unsafe withMockHost({ Content.plugin("mock", version: "1.0") }, settings, body)
}

/// The same, for a handler in event style.
public nonisolated(nonsending) func withMockHost<Content: EventHandler>(
  _ handler: Content.Type, _ settings: MockSettings = MockSettings(), _ body: (borrowing MockHost) throws -> Void
) async throws {
  await turn.take()
  defer { turn.give() }
  try unsafe withMockHost({ Content.plugin("mock", version: "1.0") }, settings, body)
}

/// The same, for a handler in async style.
public nonisolated(nonsending) func withMockHost<Content: AsyncHandler>(
  _ handler: Content.Type, _ settings: MockSettings = MockSettings(), _ body: (borrowing MockHost) throws -> Void
) async throws {
  await turn.take()
  defer { turn.give() }
  try unsafe withMockHost({ Content.plugin("mock", version: "1.0") }, settings, body)
}

/// One host at a time: a worker has one loop, and so does the process of the tests.
private let turn = Turn()

private func withMockHost(
  _ describe: () -> UnsafeRawPointer?, _ settings: MockSettings, _ body: (borrowing MockHost) throws -> Void
) throws {
  unsafe description = describe()?.assumingMemoryBound(to: outrider_plugin.self)
  guard let mock = unsafe settings.pass({ settings in unsafe outrider_mock_new({ _ in unsafe description }, settings) })
  else { throw MockRefusal(reason: "there is no memory") }
  defer { unsafe outrider_mock_free(mock) }
  // A plugin that was refused before has its reason here too.
  guard unsafe outrider_mock_start(mock) >= 0 else {
    LoopExecutor.shared.endRefused()
    throw unsafe MockRefusal(reason: String(cString: outrider_mock_error(mock)))
  }
  defer { unsafe outrider_mock_stop(mock, 0) }
  try body(unsafe MockHost(mock))
}

/// What the entry point returns. It belongs to the test that has its turn.
nonisolated(unsafe) private var description: UnsafePointer<outrider_plugin>?

/// The plugin has refused to be loaded or to start, with the reason that an operator would see.
public struct MockRefusal: Error, CustomStringConvertible {
  /// The plugin's text, or the host's.
  public let reason: String
  public var description: String { reason }
}

/// The settings of a host. What is not set has the default of the server's configuration.
public struct MockSettings: Sendable {
  /// The worker model; it decides the style of a plugin with both.
  public var model: WorkerModel = .async
  /// The table [plugin.config], as a JSON object.
  public var configuration = "{}"
  /// The path prefix that the plugin serves.
  public var mount = "/"
  /// limits.output, in bytes; 0: the default.
  public var outputLimit = 0
  /// limits.body, in bytes; 0: the default.
  public var bodyLimit = 0
  /// timeouts.request, in nanoseconds; 0: the default.
  public var requestTimeout: UInt64 = 0

  public init(model: WorkerModel = .async, configuration: String = "{}") {
    self.model = model
    self.configuration = configuration
  }

  func pass<Result>(_ call: (UnsafePointer<outrider_mock_settings>) -> Result) -> Result {
    unsafe configuration.withCString { configuration in
      unsafe mount.withCString { mount in
        var settings = unsafe outrider_mock_settings()
        unsafe settings.size = UInt32(MemoryLayout<outrider_mock_settings>.size)
        unsafe settings.model = model.number
        unsafe settings.config = configuration
        unsafe settings.mount = mount
        unsafe settings.output_limit = UInt64(outputLimit)
        unsafe settings.body_limit = UInt64(bodyLimit)
        unsafe settings.request_timeout_ns = requestTimeout
        return unsafe call(&settings)
      }
    }
  }
}

extension WorkerModel {
  fileprivate var number: UInt32 {
    switch self {
    case .sync: OUTRIDER_MODEL_SYNC
    case .gthread: OUTRIDER_MODEL_GTHREAD
    case .async: OUTRIDER_MODEL_ASYNC
    }
  }
}

// MARK: Requests

extension MockHost {
  /// Passes a request to the plugin, and runs what is due after it. Throws `MockRefusal` for a request that the server would
  /// refuse itself.
  public func send(_ request: MockRequest) throws -> MockExchange {
    guard let exchange = unsafe request.pass({ unsafe outrider_mock_serve(mock, $0) }) else {
      throw MockRefusal(reason: "the server refuses such a request, or the host has not started")
    }
    return unsafe MockExchange(exchange)
  }

  /// The response to a GET for the target, as far as it has come.
  public func respond(to target: String) throws -> MockResponse { try send(MockRequest(target)).response }
}

// MARK: Time

extension MockHost {
  /// Runs everything that is due on the loop.
  public func run() { unsafe outrider_mock_run(mock) }

  /// Lets so much time pass, in nanoseconds, and runs each timer and deadline at its time.
  public func advance(nanoseconds: UInt64) { unsafe outrider_mock_advance(mock, nanoseconds) }

  /// Waits, in real time, for another thread to return to the loop, and runs what is due. False: none has within that time.
  public func wait(milliseconds: UInt32) -> Bool { unsafe outrider_mock_wait(mock, milliseconds) != 0 }

  /// Drains the worker: requests are to end soon.
  public func drain() { unsafe outrider_mock_drain(mock) }
}

// MARK: Health

extension MockHost {
  /// The reason for which the plugin has said that it is not ready; nil: it is.
  public var notReadyReason: String? { unsafe outrider_mock_not_ready(mock).map { unsafe String(cString: $0) } }

  /// The name of a watched thread that has said for so long neither that it lives nor that it is idle; nil: there is none.
  public func silentThread(nanoseconds: UInt64) -> String? {
    unsafe outrider_mock_silent_thread(mock, nanoseconds).map { unsafe String(cString: $0) }
  }
}

// MARK: What was logged

extension MockHost {
  /// The lines that the plugin has logged.
  public var logLines: [String] {
    (0..<(unsafe outrider_mock_log_lines(mock))).map { unsafe String(cString: outrider_mock_log_line(mock, $0, nil)) }
  }

  /// The calls that were misuse, as the server's error log has them.
  public var misuses: [String] {
    (0..<(unsafe outrider_mock_misuses(mock))).map { unsafe String(cString: outrider_mock_misuse(mock, $0)) }
  }

  /// The value of a metric, by its name without outrider_plugin_ and its labels, as in `cache_total{result="hit"}`; nil:
  /// there is none, or a gauge is not set.
  public func metric(_ name: String) -> Double? {
    let value = unsafe outrider_mock_metric(mock, name)
    return value.isNaN ? nil : value
  }
}
