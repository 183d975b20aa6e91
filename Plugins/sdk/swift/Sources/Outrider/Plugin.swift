import COutriderPlugin

/// What handlers of each style have in common: the life of a `[[plugin]]` entry.
///
/// Do not conform to it, but to `Handler`, `ThreadHandler`, `EventHandler` or `AsyncHandler`. All methods but `init` have a
/// default that does nothing.
public protocol Plugin: Sendable {
  /// Called once for each `[[plugin]]` entry, in the master, before workers are forked: read the configuration, define
  /// metrics, and prepare what all workers share. Open no connections, start no threads, and create no `Task`. An error
  /// refuses the start of the server; its description is the reason that the operator sees.
  init(_ host: OutriderHost) throws

  /// Called in the master before each fork of a worker.
  func beforeFork()

  /// Called in each worker on the thread of its loop, before the first request: open connections, start threads and tasks.
  /// An error ends the worker, and makes a start or a reload fail.
  func workerStart(_ worker: WorkerInfo) throws

  /// Called in each worker after its last request, on the thread of its loop. The process is killed at the deadline, a
  /// time of CLOCK_MONOTONIC in nanoseconds.
  func workerStop(deadline: UInt64)

  /// Called last, at a clean end of the process that called `init`.
  func unload()
}

extension Plugin {
  public func beforeFork() {}
  public func workerStart(_ worker: WorkerInfo) throws {}
  public func workerStop(deadline: UInt64) {}
  public func unload() {}
}

/// How a worker distributes its requests.
public enum WorkerModel: Sendable { case sync, gthread, async }

/// A worker, as it begins.
public struct WorkerInfo: Sendable {
  /// The model of all workers.
  public let model: WorkerModel
  /// The number of threads that may run `Handler.handle`.
  public let threads: Int
  /// The worker's number, from 0, which its replacement takes over.
  public let index: Int
  /// The number of workers at this moment.
  public let workers: Int
  /// server.graceful_timeout, in nanoseconds.
  public let gracefulTimeout: UInt64
  /// limits.output, in bytes.
  public let outputLimit: Int

  init(_ raw: UnsafePointer<outrider_worker_info>) {
    switch unsafe raw.pointee.model {
    case OUTRIDER_MODEL_SYNC: model = .sync
    case OUTRIDER_MODEL_GTHREAD: model = .gthread
    default: model = .async
    }
    threads = Int(unsafe raw.pointee.threads)
    index = Int(unsafe raw.pointee.worker)
    workers = Int(unsafe raw.pointee.workers)
    gracefulTimeout = unsafe raw.pointee.graceful_timeout_ns
    outputLimit = Int(clamping: unsafe raw.pointee.output_limit)
  }
}
