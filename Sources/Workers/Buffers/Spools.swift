import Logging
import Platform
import Synchronization

/// The spools of a worker: their limits, and the log line when no temporary file can be made.
struct Spools: ~Copyable {
  /// The maximum number of bytes that wait in files, of one response and of all.
  let limit: Int
  let workerLimit: Int
  private let log: Logger
  /// The earliest time of the next warning that no temporary file can be made.
  private let warnsAt = Atomic<UInt64>(0)

  init(limit: Int, workerLimit: Int, log: Logger) {
    self.limit = limit
    self.workerLimit = workerLimit
    self.log = log
  }

  /// [request-thread] A file for the part of a response that the client does not read; nil if spools are disabled or no
  /// file can be made.
  func make(for request: Request) -> Spool? {
    guard limit > 0 else { return nil }
    do throws(Errno) {
      let spool = try Spool(limit: limit)
      request.record.hasSpool.store(true, ordering: .relaxed)
      return spool
    } catch {
      let now = Clock.monotonic()
      let due = warnsAt.load(ordering: .relaxed)
      if now >= due,
        warnsAt.compareExchange(
          expected: due, desired: now &+ 60 * Clock.nanosecondsPerSecond, ordering: .relaxed
        ).exchanged
      {
        log.warning("handlers wait for clients that do not take their responses: \(error)")
      }
      return nil
    }
  }
}
