import COutrider
import Platform

// The hooks of a plugin's life in a worker and in the master.

extension Plugin {
  /// The plugin's file has been truncated or overwritten since it was loaded. None of its code may run at the end,
  /// neither its last hooks nor destructors in exit(3).
  package var isFileModified: Bool { record.file.hasChanged(at: record.path) }

  /// The log line about that.
  package var modifiedFileWarning: String {
    "plugin \(record.nameText): \(record.path) has changed since it was loaded, so that its last hooks and destructors do not run"
  }

  /// [worker-main] Runs worker_start(), before the first request.
  ///
  /// - Throws: the plugin's reason if it refuses.
  package func startWorker(_ facts: WorkerFacts) throws(PluginLoadError) {
    guard let start = unsafe record.descriptor.worker_start else { return }
    var info = unsafe facts.info
    var error = HookError()
    let status = unsafe start(record.state, &info, &error.raw)
    guard status >= 0 else {
      throw PluginLoadError(plugin: record.nameText, path: record.path, "worker_start refused: \(error.text(status))")
    }
  }

  /// [worker-main] Runs worker_stop(), after the last request.
  package func stopWorker(deadline: UInt64) {
    if isFileModified { return }
    unsafe record.descriptor.worker_stop?(record.state, deadline)
  }

  /// [worker-main] Runs the worker's loop thread within the plugin, which turns the loop by `outrider_loop.dispatch`.
  package func runLoop() {
    unsafe record.runLoop?(record.state)
  }

  /// [request-thread] Runs thread_start(), the first call on a thread that runs handle().
  ///
  /// - Parameters:
  ///   - index: the thread's index among the threads that run handle().
  ///   - count: the number of these threads.
  /// - Returns: the plugin's state for the thread.
  /// - Throws: the plugin's reason if it refuses.
  package func startThread(_ index: Int, of count: Int) throws(PluginLoadError) -> UnsafeMutableRawPointer? {
    guard let start = unsafe record.descriptor.thread_start else { return nil }
    var info = outrider_thread_info(
      size: UInt32(MemoryLayout<outrider_thread_info>.size), index: UInt32(index), threads: UInt32(count), reserved: 0)
    var error = HookError()
    var thread: UnsafeMutableRawPointer?
    let status = unsafe start(record.state, &info, &thread, &error.raw)
    guard status < 0 else { return unsafe thread }
    throw PluginLoadError(plugin: record.nameText, path: record.path, "thread_start refused: \(error.text(status))")
  }

  /// [request-thread] Runs thread_stop(), the last call on the thread.
  ///
  /// - Parameter thread: the state that `startThread` returned.
  package func stopThread(_ thread: UnsafeMutableRawPointer?) {
    if isFileModified { return }
    unsafe record.descriptor.thread_stop?(record.state, thread)
  }

  /// [loop] Runs on_wake(), which the plugin has requested by `outrider_host.wake`.
  package func wake() { unsafe record.descriptor.on_wake?(record.state) }

  package var hasBeforeFork: Bool { unsafe record.descriptor.before_fork != nil }

  /// [master] Before each fork of a worker.
  package func prepareFork() {
    if isFileModified { return }
    unsafe record.descriptor.before_fork?(record.state)
  }

  /// Runs at a clean exit of the process that has loaded the plugin.
  package func unload() {
    if isFileModified { return }
    unsafe record.descriptor.unload?(record.state)
  }
}
