import COutrider
import Platform

// The hooks of a plugin's life in a worker and in the master.

extension Plugin {
  /// [worker-main] Before the first request.
  ///
  /// - Throws: the plugin's own words if it refuses.
  package func startWorker(model: UInt32, threads: Int, worker: Int) throws(LoadFault) {
    guard let start = unsafe record.descriptor.worker_start else { return }
    var info = outrider_worker_info(
      size: UInt32(MemoryLayout<outrider_worker_info>.size), model: model, threads: UInt32(threads),
      worker: UInt32(worker))
    var error = HookError()
    let status = unsafe start(record.state, &info, &error.raw)
    guard status >= 0 else {
      throw LoadFault(plugin: record.nameText, path: record.path, "worker_start refused: \(error.text(status))")
    }
  }

  /// [worker-main] After the last request.
  package func stopWorker(deadline: UInt64) {
    unsafe record.descriptor.worker_stop?(record.state, deadline)
  }

  /// [request-thread] First on a thread that runs handle(); false if the plugin refuses.
  package func startThread() -> Bool {
    guard let start = unsafe record.descriptor.thread_start else { return true }
    return unsafe start(record.state) >= 0
  }

  /// [request-thread] Last on it.
  package func stopThread() {
    unsafe record.descriptor.thread_stop?(record.state)
  }

  /// At a clean exit of the process that has loaded it.
  package func unload() {
    unsafe record.descriptor.unload?(record.state)
  }
}
