import COutriderPlugin
import Synchronization

/// One `[[plugin]]` entry: what the hooks find behind `state`. C functions cannot be generic, so that they reach the methods
/// of the handler's type by the table of a class.
class Entry {
  let host: OutriderHost
  init(_ host: OutriderHost) { self.host = host }

  func beforeFork() {}
  func workerStart(_ worker: WorkerInfo) throws {}
  func workerStop(deadline: UInt64) {}
  func unload() {}

  /// Returns what `handle` and `threadStop` get as `thread`.
  func threadStart(_ thread: ThreadInfo) throws -> UnsafeMutableRawPointer? { nil }
  func handle(_ request: borrowing Request, _ thread: UnsafeMutableRawPointer?) throws {}
  func threadStop(_ thread: UnsafeMutableRawPointer?) {}

  /// Returns what `receive` and `close` get as `state`.
  func open(_ exchange: Exchange, _ head: UnsafePointer<outrider_head>) throws -> UnsafeMutableRawPointer? { nil }
  func receive(_ event: UnsafePointer<outrider_event>, _ exchange: Exchange, _ state: UnsafeMutableRawPointer?) {}
  func close(_ exchange: Exchange, _ state: UnsafeMutableRawPointer?) {}
}

/// The entry behind the state of a hook, which load() has stored there. Nothing is retained.
@inline(__always)
func withEntry<Result>(_ state: UnsafeMutableRawPointer?, _ body: (Entry) -> Result) -> Result {
  unsafe Unmanaged<Entry>.fromOpaque(state.unsafelyUnwrapped)._withUnsafeGuaranteedRef(body)
}

/// Makes the entry of a plugin that is loaded. Each shared object has its own copy of this library, and one kind of handler.
let makeEntry = Mutex<@Sendable (OutriderHost) throws -> Entry>({ Entry($0) })

/// The description that outrider_plugin_v1() returns. It lives as long as the process.
func describe(
  _ name: StaticString, _ version: StaticString, isBlocking: Bool, hasThreadState: Bool = false
) -> UnsafeRawPointer {
  var plugin = unsafe outrider_plugin()
  unsafe plugin.size = UInt32(MemoryLayout<outrider_plugin>.size)
  unsafe plugin.abi = OUTRIDER_ABI_VERSION
  unsafe plugin.abi_required = 1 << 16
  unsafe plugin.capabilities = isBlocking ? OUTRIDER_THREAD_SAFE : 0
  unsafe plugin.name = UnsafeRawPointer(name.utf8Start).assumingMemoryBound(to: CChar.self)
  unsafe plugin.version = UnsafeRawPointer(version.utf8Start).assumingMemoryBound(to: CChar.self)
  unsafe plugin.load = load
  unsafe plugin.unload = unload
  unsafe plugin.before_fork = { unsafe withEntry($0) { $0.beforeFork() } }
  unsafe plugin.worker_start = workerStart
  unsafe plugin.worker_stop = workerStop
  unsafe plugin.on_wake = { _ in LoopExecutor.shared.runRemote() }
  if isBlocking {
    unsafe plugin.handle = handle
    if hasThreadState {
      unsafe plugin.thread_start = threadStart
      unsafe plugin.thread_stop = threadStop
    }
  } else {
    unsafe plugin.open = open
    unsafe plugin.on_event = receive
    unsafe plugin.close = close
  }
  let description = UnsafeMutablePointer<outrider_plugin>.allocate(capacity: 1)
  unsafe description.initialize(to: plugin)
  return UnsafeRawPointer(description)
}

private func load(
  _ table: UnsafePointer<outrider_host>, _ info: UnsafePointer<outrider_load_info>,
  _ state: UnsafeMutablePointer<UnsafeMutableRawPointer?>, _ error: UnsafeMutablePointer<outrider_error>
) -> outrider_status {
  do {
    let entry = try makeEntry.withLock { $0 }(unsafe OutriderHost(table, info))
    if LoopExecutor.shared.hasWaitingJobs { throw TaskInLoad() }
    unsafe state.pointee = Unmanaged.passRetained(entry).toOpaque()
    return OUTRIDER_OK
  } catch let failure {
    return unsafe refuse(failure, error)
  }
}

private func unload(_ state: UnsafeMutableRawPointer?) {
  let entry = unsafe Unmanaged<Entry>.fromOpaque(state.unsafelyUnwrapped).takeRetainedValue()
  entry.unload()
}

private func workerStart(
  _ state: UnsafeMutableRawPointer?, _ info: UnsafePointer<outrider_worker_info>,
  _ error: UnsafeMutablePointer<outrider_error>
) -> outrider_status {
  unsafe withEntry(state) { entry in
    let worker = unsafe WorkerInfo(info)
    LoopExecutor.shared.begin(entry.host, worker)
    return LoopExecutor.shared.run {
      do {
        try entry.workerStart(worker)
        return OUTRIDER_OK
      } catch let failure {
        return unsafe refuse(failure, error)
      }
    }
  }
}

private func workerStop(_ state: UnsafeMutableRawPointer?, _ deadline: UInt64) {
  LoopExecutor.shared.runRemote()
  unsafe withEntry(state) { entry in
    LoopExecutor.shared.run { entry.workerStop(deadline: deadline) }
    LoopExecutor.shared.end(entry.host)
  }
}

/// A task of the loop that would be in each worker, or in none.
private struct TaskInLoad: Error, CustomStringConvertible {
  var description: String { "init created a task for the loop, which runs in workers only: create it in workerStart" }
}

/// Writes the reason of a hook's failure for the operator, cut to the room that there is, and returns its status.
func refuse(_ failure: any Error, _ error: UnsafeMutablePointer<outrider_error>) -> outrider_status {
  // The host shows errors of the configuration itself, with their places.
  if let failure = failure as? ConfigurationError, failure.isReported { return OUTRIDER_E_INVALID }
  let room = Int(unsafe error.pointee.size) - MemoryLayout<outrider_error>.offset(of: \.text)!
  var text = String(describing: failure)
  text.withUTF8 { utf8 in
    guard room > 0 else { return }
    let count = min(utf8.count, room - 1)
    unsafe withUnsafeMutableBytes(of: &error.pointee.text) { target in
      unsafe target.copyMemory(from: UnsafeRawBufferPointer(rebasing: UnsafeRawBufferPointer(utf8)[..<count]))
      unsafe target[count] = 0
    }
  }
  return (failure as? OutriderError)?.code.rawValue ?? OUTRIDER_E_FAILED
}

/// What a handler's error means for its request: a line in the error log, unless the exchange has ended anyway, and the
/// status that gets the client the server's own page.
@inline(never)
func report(_ failure: any Error, _ host: OutriderHost, _ exchange: outrider_exchange) -> outrider_status {
  if let failure = failure as? OutriderError, failure.isEndOfExchange { return failure.code.rawValue }
  let end = unsafe host.table.pointee.cancelled(host.table, exchange)
  if failure is CancellationError && end != OUTRIDER_OK { return end }
  host.log(.error, "the handler failed: \(failure)", exchange)
  return OUTRIDER_E_FAILED
}
