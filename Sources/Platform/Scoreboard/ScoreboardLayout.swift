/// Where things stand in a scoreboard, counted in 64-bit words.
///
/// A scoreboard is a header and one slot for each worker process. The header holds the numbers below, so that a reader
/// of another version, or of another configuration, finds its way or refuses.
package struct ScoreboardLayout: Sendable, Equatable {
  /// Moves on with every change of the layout.
  package static let version: UInt64 = 4
  /// "outrider", as a number.
  static let magic: UInt64 = 0x6F75_7472_6964_6572

  /// How many requests of a worker are described at once; of more, only their number is known.
  package static let flights = 64

  package let slots: Int
  package let plugins: Int
  /// The threads of a worker's pool.
  package let threads: Int
  /// The kinds of refusals that are counted.
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
  /// A plugin's name: its length, then bytes.
  static let nameWords = 9

  // MARK: In a slot

  static let state = 0
  static let poolThreads = 1
  static let requestsBefore = 2
  static let isUsed = 3
  static let leaveBy = 4
  static let firstCounter = 8
  /// Requests that did not end as they should, by the number of their outcome.
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

  var slotWords: Int {
    Self.wholePages(crash + CrashRecord.words)
  }

  static let pageWords = 4096 / 8

  /// Behind the header with the plugins' names: a word for each slot, in which its worker tells its fellows whether it has
  /// room. All of them can write there.
  var firstRoom: Int { Self.wholePages(Self.headerWords + plugins * Self.nameWords) }
  var roomWords: Int { Self.wholePages(slots) }

  /// All before the slots.
  var headWords: Int { firstRoom + roomWords }

  package var byteCount: Int { (headWords + slots * slotWords) * 8 }

  private static func wholePages(_ words: Int) -> Int { (words + pageWords - 1) / pageWords * pageWords }

  /// Whole cache lines.
  private static func aligned(_ words: Int) -> Int { (words + 7) & ~7 }
}

/// What a worker counts.
package enum WorkerCounter: Int, CaseIterable, Sendable {
  case connections, connectionsClosed
  case requests, requestsEnded
  case bytesReceived, bytesSent
  /// Requests handed to the pool, and taken by one of its threads.
  case queued, dequeued
  case hintsSent, hintsSkipped, hintsRefused
  /// Calls of plugins that were refused for misuse.
  case misuses
  /// Requests that no flight record was left for.
  case flightOverflows
  /// Times that accepting stopped for want of room, of threads or of descriptors.
  case acceptPauses
  /// Lines of the access log that it did not take.
  case accessLinesLost
  /// Bytes of responses that went to a temporary file, since their clients did not take them.
  case bytesSpooled
  /// Idle connections closed to make room for new ones.
  case idleClosed
  /// Lines of the error log for which standard error had no room.
  case logLinesLost
}

/// Why a worker's place was taken by another.
package enum RestartCause: Int, CaseIterable, Sendable {
  case crashed, hung, refused, maxRequests, memoryLimit
  /// Somebody wanted it.
  case retired
}

/// Where a worker stands.
package enum WorkerState: UInt64, Sendable {
  case absent = 0
  case starting
  case ready
  case draining
  case stopping
}
