import COutriderPlugin

/// A handler in blocking style with a value for each thread that runs it, such as a connection to a database: no lock is
/// needed for it.
///
///     struct Notes: ThreadHandler {
///       init(_ host: OutriderHost) {}
///       func threadStart(_ thread: ThreadInfo) throws -> Database { try Database("notes.db") }
///       func handle(_ request: borrowing Request, _ database: inout Database) throws {
///         try request.respond(200, .none, "\(try database.count())\n")
///       }
///     }
///
/// Errors of `handle` are those of `Handler.handle`.
public protocol ThreadHandler: Plugin {
  /// What a thread has. It is made, used and ended on that thread, and needs not be `Sendable`.
  associatedtype ThreadState

  /// Called first on each thread that runs `handle`, before the first request. An error ends the worker, and makes a start or a
  /// reload fail, with its description as the reason.
  func threadStart(_ thread: ThreadInfo) throws -> ThreadState

  /// Serves one request. If it returns without a response, the client gets a 500.
  func handle(_ request: borrowing Request, _ state: inout ThreadState) throws

  /// Called last on each thread whose `threadStart` returned.
  func threadStop(_ state: ThreadState)
}

/// A thread that runs `ThreadHandler.handle`, as it begins.
public struct ThreadInfo: Sendable {
  /// Which of the threads it is, from 0.
  public let index: Int
  /// How many there are.
  public let threads: Int

  init(_ raw: UnsafePointer<outrider_thread_info>) {
    index = Int(unsafe raw.pointee.index)
    threads = Int(unsafe raw.pointee.threads)
  }
}

extension ThreadHandler {
  public func threadStop(_ state: ThreadState) {}

  /// The description of the plugin, which its outrider_plugin_v1() returns. Name and version are for display.
  @safe
  public static func plugin(_ name: StaticString, version: StaticString) -> UnsafeRawPointer? {
    makeEntry.withLock { $0 = { host in try ThreadEntry<Self>(making: host) } }
    return unsafe describe(name, version, isBlocking: true, hasThreadState: true)
  }
}

private final class ThreadEntry<Content: ThreadHandler>: Entry {
  let handler: Content

  init(making host: OutriderHost) throws {
    handler = try Content(host)
    super.init(host)
  }

  override func beforeFork() { handler.beforeFork() }
  override func workerStart(_ worker: WorkerInfo) throws { try handler.workerStart(worker) }
  override func workerStop(deadline: UInt64) { handler.workerStop(deadline: deadline) }
  override func unload() { handler.unload() }

  override func threadStart(_ thread: ThreadInfo) throws -> UnsafeMutableRawPointer? {
    let state = try handler.threadStart(thread)
    let memory = UnsafeMutablePointer<Content.ThreadState>.allocate(capacity: 1)
    unsafe memory.initialize(to: state)
    return UnsafeMutableRawPointer(memory)
  }

  override func handle(_ request: borrowing Request, _ thread: UnsafeMutableRawPointer?) throws {
    try handler.handle(request, &(unsafe memory(thread).pointee))
  }

  override func threadStop(_ thread: UnsafeMutableRawPointer?) {
    let memory = unsafe memory(thread)
    handler.threadStop(unsafe memory.move())
    unsafe memory.deallocate()
  }

  private func memory(_ thread: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Content.ThreadState> {
    unsafe thread.unsafelyUnwrapped.assumingMemoryBound(to: Content.ThreadState.self)
  }
}

// MARK: The hooks of the same names

func threadStart(
  _ state: UnsafeMutableRawPointer?, _ info: UnsafePointer<outrider_thread_info>,
  _ thread: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ error: UnsafeMutablePointer<outrider_error>
) -> outrider_status {
  unsafe withEntry(state) { entry in
    do {
      unsafe thread.pointee = try entry.threadStart(ThreadInfo(info))
      return OUTRIDER_OK
    } catch let failure {
      return unsafe refuse(failure, error)
    }
  }
}

func threadStop(_ state: UnsafeMutableRawPointer?, _ thread: UnsafeMutableRawPointer?) {
  unsafe withEntry(state) { unsafe $0.threadStop(thread) }
}
