import Platform

/// What the supervisor knows of the service: what `status` shows.
package struct ServiceState {
  /// In the order of their start; at most one of them serves, and at most one starts.
  package internal(set) var generations: [Generation] = []
  package internal(set) var lastReload: Reload?
  package internal(set) var reloads = Reloads()
  package internal(set) var restarts = Restarts()
  /// What the workers of generations that have ended had counted.
  var pastTotals = Totals()
  /// So many workers more or fewer than configured are wanted, by TTIN and TTOU.
  package internal(set) var scale = 0
  /// The keys of TLS session tickets, as the last master wrote them.
  var ticketKeys: String?
  /// How many generations there have been.
  package internal(set) var generationCount = 0

  /// A reload that has come to its end.
  package struct Reload: Sendable {
    /// The generation that it started.
    package let generation: Int
    /// Seconds since the epoch, at its end.
    package let endedAt: Int64
    /// Nanoseconds from its start to its end.
    package let duration: UInt64
    /// Why the former generation went on serving; nil if the new one took over.
    package let failure: String?
  }

  /// How reloads have ended, since the service began.
  package struct Reloads: Sendable {
    package internal(set) var succeeded = 0
    package internal(set) var failed = 0
  }

  /// How often a master had to be started again, by what had ended it.
  package struct Restarts: Sendable {
    package enum Cause: Int, Sendable, CaseIterable {
      case exited
      case killed
      /// It did not start in time, or could not start.
      case failedToStart
      /// Somebody but the supervisor has told it to finish.
      case toldToLeave

      /// As status and metrics have it.
      var name: String { MetricsName.snake("\(self)") }
    }

    private var counts = [Int](repeating: 0, count: Cause.allCases.count)

    subscript(_ cause: Cause) -> Int {
      get { counts[cause.rawValue] }
      set { counts[cause.rawValue] = newValue }
    }
  }

  package var serving: Generation? { generations.first { $0.stage == .serving } }
  package var starting: Generation? { generations.first { $0.stage == .starting } }

  func index(of number: Int) -> Int? { generations.firstIndex { $0.number == number } }
}
