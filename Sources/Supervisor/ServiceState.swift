import Platform

/// The state of the service, which `status` shows.
package struct ServiceState {
  /// In the order of their start. At most one serves, and at most one is starting.
  package internal(set) var generations: [Generation] = []
  package internal(set) var lastReload: Reload?
  package internal(set) var reloads = Reloads()
  package internal(set) var restarts = Restarts()
  /// The counters of generations that have ended.
  var pastCounters = Counters()
  /// The wanted number of workers relative to the configured one, set by TTIN, TTOU and `scale`.
  package internal(set) var workerDelta = 0
  /// The keys of TLS session tickets, as the last master sent them.
  var ticketKeys: String?
  /// The state that the service is heading for.
  var target = TargetState.serve
  /// When the service begins to drain, in monotonic nanoseconds: set while `timeouts.shutdown_delay` runs, else `.max`.
  var drainAt = UInt64.max
  var backoff = Backoff(first: Generation.Settings().restartBackoff)
  /// When the next master is started after one has ended; `.max` for never.
  var restartAt = UInt64.max
  /// A reload was requested during another one.
  var reloadIsWanted = false
  /// A replacement of the program was requested while a generation started.
  var replacementIsWanted = false
  /// The program that is to replace this one is being checked.
  var isProbing = false
  /// The exit code so far.
  var outcome = ExitCode.ok
  /// Set when the service has ended.
  var exitCode: ExitCode?
  /// The number of generations so far.
  package internal(set) var generationCount = 0

  enum TargetState {
    case serve
    /// All generations drain, then the service ends.
    case drain
    /// All generations exit at once, then the service ends.
    case stop
  }

  /// A reload that has ended.
  package struct Reload: Sendable {
    /// The generation that it started.
    package let generation: Int
    /// Seconds since the epoch, at its end.
    package let endedAt: Int64
    /// Nanoseconds from its start to its end.
    package let duration: UInt64
    /// Why the former generation keeps serving; nil if the new one has taken over.
    package let failure: String?
  }

  /// The number of successful and failed reloads.
  package struct Reloads: Sendable {
    package internal(set) var succeeded = 0
    package internal(set) var failed = 0
  }

  /// The number of masters that were replaced, by cause.
  package struct Restarts: Sendable {
    package enum Cause: Int, Sendable, CaseIterable {
      case exited
      case killed
      /// It was not ready in time, or could not start.
      case failedToStart
      /// Another process has told it to exit.
      case toldToLeave

      /// The name in status and metrics.
      var name: String { MetricsName.snake("\(self)") }
    }

    private var counts = [Int](repeating: 0, count: Cause.allCases.count)

    subscript(_ cause: Cause) -> Int {
      get { counts[cause.rawValue] }
      set { counts[cause.rawValue] = newValue }
    }
  }

  package var serving: Generation? { generations.first { $0.stage.isServing } }
  /// The generation that accepts connections, with or without a master.
  package var accepting: Generation? { serving ?? orphaned }
  package var orphaned: Generation? { generations.first { $0.stage == .orphaned } }
  package var starting: Generation? { generations.first { $0.stage == .starting } }

  func index(of number: Int) -> Int? { generations.firstIndex { $0.number == number } }
}
