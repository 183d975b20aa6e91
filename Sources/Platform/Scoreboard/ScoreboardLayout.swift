/// The layout of a scoreboard in 64-bit words.
///
/// A scoreboard is a header and one slot for each worker process. The header contains the numbers below, so that a
/// reader with another version or configuration can use or reject it.
package struct ScoreboardLayout: Sendable, Equatable {
  /// Increased with every change of the layout.
  package static let version: UInt64 = 7
  /// "outrider", as a number.
  static let magic: UInt64 = 0x6F75_7472_6964_6572

  /// The number of requests in flight that a worker can describe; others are only counted.
  package static let flights = 64

  package let slots: Int
  package let plugins: Int
  /// The number of threads of a worker's pool.
  package let threads: Int
  /// The number of kinds of refusals.
  package let refusals: Int

  package init(slots: Int, plugins: Int, threads: Int, refusals: Int) {
    self.slots = slots
    self.plugins = plugins
    self.threads = threads
    self.refusals = refusals
  }

  // MARK: In the header

  static let headerWords = 16
  static let firstRestart = 8
  /// A plugin's name: its length, followed by its bytes.
  static let nameWords = 9

  // MARK: In a slot

  static let state = 0
  static let poolThreads = 1
  static let requestsBefore = 2
  static let isUsed = 3
  static let exitDeadline = 4
  static let masterTurn = 5
  static let firstCounter = 8
  /// Counters of requests that did not complete, by outcome.
  static let firstOutcome = firstCounter + 24
  package static let outcomes = 8
  static let firstRefusal = firstOutcome + outcomes
  static let threadWords = 8

  var firstThread: Int { Self.firstRefusal + Self.aligned(refusals) }
  var queueTime: Int { firstThread + (threads + 1) * Self.threadWords }
  var hintLead: Int { queueTime + Histogram.words }
  var firstPlugin: Int { hintLead + Histogram.words }
  var firstFlight: Int { firstPlugin + (plugins + 1) * PluginCells.words }
  var crash: Int { firstFlight + Self.flights * FlightRecord.words }

  var firstMetric: Int { crash + CrashRecord.words }
  var health: Int { firstMetric + MetricCells.words }
  var webSockets: Int { health + Self.aligned(HealthCells.words(plugins: plugins)) }

  var slotWords: Int {
    Self.wholePages(webSockets + WebSocketCells.words)
  }

  static let pageWords = 4096 / 8

  /// The capacity hints, a word for each slot, after the header and the names of the plugins. All workers can write to
  /// them.
  var firstCapacityHint: Int { Self.wholePages(Self.headerWords + plugins * Self.nameWords) }
  var capacityHintWords: Int { Self.wholePages(slots) }

  /// The definitions of the plugins' metrics. Workers that load plugins of their own write to them.
  var firstMetricDefinition: Int { firstCapacityHint + capacityHintWords }
  var metricDefinitionWords: Int { Self.wholePages(MetricDefinitions.words) }

  /// The size of everything before the slots.
  var headWords: Int { firstMetricDefinition + metricDefinitionWords }

  package var byteCount: Int { (headWords + slots * slotWords) * 8 }

  private static func wholePages(_ words: Int) -> Int { (words + pageWords - 1) / pageWords * pageWords }

  /// Rounds up to whole cache lines.
  private static func aligned(_ words: Int) -> Int { (words + 7) & ~7 }
}

/// A worker's counters.
package enum WorkerCounter: Int, CaseIterable, Sendable {
  case connections, connectionsClosed
  case requests, requestsEnded
  case bytesReceived, bytesSent
  /// Requests submitted to the pool, and those taken by a thread.
  case queued, dequeued
  case hintsSent, hintsSkipped, hintsRefused
  /// Calls of plugins that were refused as misuse.
  case misuses
  /// Requests without a flight record because all records were in use.
  case flightOverflows
  /// How often accepting stopped because connections, threads or descriptors had run out.
  case acceptPauses
  /// Lines of the access log that could not be written.
  case accessLinesLost
  /// Bytes of responses that were written to a temporary file because their clients read too slowly.
  case bytesSpooled
  /// Idle connections closed to make room for new ones.
  case idleClosed
  /// Lines of the error log for which standard error had no room.
  case logLinesLost
  /// Malformed or contradictory fields of trusted proxies.
  case proxyFieldsIgnored
  /// Descriptors of plugins that were not watched because the maximum was reached.
  case watchesRefused
  /// Entries of the shared store that were evicted before they expired, and values for which there was no room.
  case storeEvictions, storeRefusals
}

/// Why a worker was replaced.
package enum RestartCause: Int, CaseIterable, Sendable {
  case crashed, hung, refused, maxRequests, memoryLimit
  /// By `outriderctl retire`.
  case retired
}

/// The state of a worker.
package enum WorkerState: UInt64, Sendable {
  case absent = 0
  case starting
  case ready
  case draining
  case stopping
}
