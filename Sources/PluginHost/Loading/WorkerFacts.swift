import COutrider
import Glibc
import Platform

/// What a plugin learns about its worker when the worker starts.
@safe
package struct WorkerFacts {
  let info: outrider_worker_info

  /// Never freed, since plugins keep the pointer.
  nonisolated(unsafe) private static let hostVersion = unsafe UnsafePointer(strdup(ProgramFile.version))

  /// - Parameters:
  ///   - threads: the number of threads that may run handle().
  ///   - worker: the worker's index.
  ///   - workers: how many workers the service has.
  ///   - gracefulTimeout: in nanoseconds.
  ///   - outputLimit: `limits.output`.
  package init(model: UInt32, threads: Int, worker: Int, workers: Int, gracefulTimeout: UInt64, outputLimit: Int) {
    unsafe info = outrider_worker_info(
      size: UInt32(MemoryLayout<outrider_worker_info>.size), model: model, threads: UInt32(threads),
      worker: UInt32(worker), workers: UInt32(workers), reserved: 0, graceful_timeout_ns: gracefulTimeout,
      output_limit: UInt64(outputLimit), host_version: unsafe WorkerFacts.hostVersion)
  }
}
