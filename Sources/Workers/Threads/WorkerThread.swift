import HTTP
import Memory
import Platform
import PluginHost

/// The context of a worker's thread: buffers and the current Date.
typealias WorkerThread = Pinned<WorkerThreadRecord>

extension WorkerThread {
  /// A context for the calling thread, installed as its `Thread.context`.
  ///
  /// - Parameter plugins: the number of plugins, each of which may keep state for the thread.
  static func install(cells: ThreadCells, plugins: Int) -> WorkerThread {
    let thread = WorkerThread(cells: cells, plugins: plugins)
    cells.thread = UInt64(Thread.id)
    unsafe Thread.context = thread.raw
    return thread
  }

  /// Removes the calling thread's context.
  func uninstall() {
    unsafe Thread.context = nil
    destroy()
  }

  /// The calling thread's context, or a temporary one for a thread that a plugin created.
  static func withCurrent<Result>(_ body: (WorkerThread) -> Result) -> Result {
    if let context = unsafe Thread.context { return unsafe body(WorkerThread(raw: context)) }
    let passing = WorkerThread(cells: nil, plugins: 0)
    defer { passing.destroy() }
    return body(passing)
  }

  /// The calling thread's context: the loop's or a pool thread's.
  static var current: WorkerThread { unsafe WorkerThread(raw: Thread.context.unsafelyUnwrapped) }

  /// [request-thread] Runs `body`, which waits for a client. The thread does not count as busy meanwhile.
  static func awaitClient<Result>(_ body: () -> Result) -> Result {
    let cells = unsafe Thread.context == nil ? nil : current.record.cells
    cells?.busySince = 0
    defer { cells?.busySince = Clock.monotonic() }
    return body()
  }

  private init(cells: ThreadCells?, plugins: Int) {
    self.init(WorkerThreadRecord(cells: cells, plugins: plugins))
    record.date.update(Clock.epochSeconds())
  }

  /// The state that a plugin's thread_start() returned for the thread.
  subscript(plugin: Plugin) -> UnsafeMutableRawPointer? {
    get {
      guard let states = unsafe record.pluginStates else { return nil }
      return unsafe states[plugin.record.number]
    }
    nonmutating set { unsafe record.pluginStates?[plugin.record.number] = unsafe newValue }
  }
}

@safe
struct WorkerThreadRecord: ~Copyable {
  var pool = BufferPool()
  var date = DateField()
  /// The thread's part of the scoreboard; nil for a thread that a plugin created.
  let cells: ThreadCells?
  /// By plugin index; nil for a thread that a plugin created.
  var pluginStates: UnsafeMutablePointer<UnsafeMutableRawPointer?>?

  init(cells: ThreadCells?, plugins: Int) {
    self.cells = cells
    guard plugins > 0 else { return }
    let states = UnsafeMutablePointer<UnsafeMutableRawPointer?>.allocate(capacity: plugins)
    unsafe states.initialize(repeating: nil, count: plugins)
    unsafe pluginStates = states
  }

  deinit { unsafe pluginStates?.deallocate() }
}
