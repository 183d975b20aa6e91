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

  /// [request-thread] First on a thread that runs handle().
  ///
  /// - Throws: if the plugin refuses.
  package func startThread() throws(LoadFault) {
    guard let start = unsafe record.descriptor.thread_start else { return }
    let status = unsafe start(record.state)
    guard status < 0 else { return }
    throw LoadFault(plugin: record.nameText, path: record.path, "thread_start refused: status \(status)")
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
