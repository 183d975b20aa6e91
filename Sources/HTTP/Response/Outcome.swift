/// What a plugin's call came to. The numbers are those of `outrider_status`, and are released: they never change.
package enum Outcome: Int32, Sendable, CaseIterable {
  case ok = 0
  /// Legal, and nothing is sent.
  case skipped = 1
  /// Accepted; send no more until told to resume.
  case pause = 2
  case wrongState = -1
  case invalid = -2
  case closed = -3
  case cancelled = -4
  case unsupported = -5
  case limit = -6
  case again = -7
  case wrongThread = -8
  case io = -9

  package var isAccepted: Bool { rawValue >= 0 }
}
