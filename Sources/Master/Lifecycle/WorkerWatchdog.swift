import Platform

/// The master's observations of a worker at a check.
struct WorkerSample {
  let slot: Int
  /// Since when its loop and its threads have been busy, in monotonic nanoseconds; 0 for idle.
  var loopBusySince: UInt64 = 0
  var threadsBusySince: [UInt64] = []
  /// The watched threads of plugins: their names, and the time of their last heartbeat; 0 for idle.
  var pluginThreads: [(name: String, busySince: UInt64)] = []
  /// The hook of a plugin that it is in, with the plugin's name.
  var hook: String?
  /// In bytes; nil if unknown.
  var memory: Int?
}

/// Decides whether a worker responds (`timeouts.worker`).
struct WorkerWatchdog {
  /// In nanoseconds; 0 for none.
  let limit: UInt64
  /// Silence before this time does not count, because the master was at a standstill.
  var countsFrom: UInt64 = 0

  init(limit: UInt64) { self.limit = limit }

  /// What is wrong with an unresponsive worker; nil if it responds.
  func symptom(_ sample: WorkerSample, _ now: UInt64) -> String? {
    guard limit > 0 else { return nil }
    let loop = silence(sample.loopBusySince, now)
    if loop > limit { return "its loop has not turned for \(WorkerWatchdog.text(loop))" }
    for thread in sample.pluginThreads where silence(thread.busySince, now) > limit {
      return "\(thread.name) has said nothing for \(WorkerWatchdog.text(silence(thread.busySince, now)))"
    }
    guard let least = sample.threadsBusySince.map({ silence($0, now) }).min(), least > limit else { return nil }
    return "all its \(sample.threadsBusySince.count) thread(s) have been busy for \(WorkerWatchdog.text(least))"
  }

  private func silence(_ busySince: UInt64, _ now: UInt64) -> UInt64 {
    let since = max(busySince, countsFrom)
    return busySince == 0 || since >= now ? 0 : now - since
  }

  private static func text(_ span: UInt64) -> String { "\(span / Clock.nanosecondsPerMillisecond) ms" }

  // MARK: How often to check

  /// An eighth of the limit, bounded so that checks cost nothing noticeable.
  var interval: UInt64 {
    let eighth = limit == 0 ? .max : limit / 8
    return min(max(eighth, 50 * Clock.nanosecondsPerMillisecond), Clock.nanosecondsPerSecond)
  }

  /// A busy machine may delay any process by so much.
  private static let minTolerance = 250 * Clock.nanosecondsPerMillisecond

  /// How late the master may wake up and still count the silence of its workers. A fraction of the limit, so that limit
  /// and tolerance together stay below the silence of a healthy worker.
  var tolerance: UInt64 {
    min(limit == 0 ? .max : max(limit / 4, WorkerWatchdog.minTolerance), Clock.nanosecondsPerSecond)
  }
}
