import HTTP
import Platform

/// What a thread of the worker has for itself: buffers and the present Date.
@safe
struct WorkerThread {
  let address: UnsafeMutablePointer<WorkerThreadRecord>

  var record: WorkerThreadRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// A context for the calling thread, installed as its `Thread.context`.
  static func install(cells: ThreadCells) -> WorkerThread {
    let thread = WorkerThread(cells: cells)
    cells.thread = UInt64(Thread.id)
    unsafe Thread.context = UnsafeMutableRawPointer(thread.address)
    return thread
  }

  /// Takes the calling thread's context away again.
  func uninstall() {
    unsafe Thread.context = nil
    destroy()
  }

  /// The calling thread's context, or a passing one for a thread that is the plugin's own.
  static func withCurrent<Result>(_ body: (WorkerThread) -> Result) -> Result {
    if let context = unsafe Thread.context { return unsafe body(WorkerThread(context)) }
    let passing = WorkerThread(cells: nil)
    defer { passing.destroy() }
    return body(passing)
  }

  /// The calling thread's context: the loop's or a pool thread's.
  static var current: WorkerThread { unsafe WorkerThread(Thread.context.unsafelyUnwrapped) }

  /// [request-thread] Waits for a client, by `body`: meanwhile the thread is not at work.
  static func awaitClient<Result>(_ body: () -> Result) -> Result {
    let cells = unsafe Thread.context == nil ? nil : current.record.cells
    cells?.busySince = 0
    defer { cells?.busySince = Clock.monotonic() }
    return body()
  }

  private init(cells: ThreadCells?) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: WorkerThreadRecord(cells: cells))
    record.date.update(Clock.epochSeconds())
  }

  private init(_ context: UnsafeMutableRawPointer) {
    unsafe address = context.assumingMemoryBound(to: WorkerThreadRecord.self)
  }

  private func destroy() {
    unsafe address.deinitialize(count: 1)
    unsafe address.deallocate()
  }
}

struct WorkerThreadRecord: ~Copyable {
  var pool = BufferPool()
  var date = DateField()
  /// Where it shows what it is at; nil for a thread of a plugin.
  let cells: ThreadCells?

  init(cells: ThreadCells?) { self.cells = cells }
}
