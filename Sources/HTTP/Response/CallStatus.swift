/// The status of a call of the plugin ABI. The numbers are those of `outrider_status` and never change.
package enum CallStatus: Int32, Sendable, CaseIterable {
  case ok = 0
  /// The call is valid, and nothing is sent.
  case skipped = 1
  /// Accepted. The plugin should send no more until RESUME.
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
  /// The plugin's own failure.
  case failed = -10

  package var isAccepted: Bool { rawValue >= 0 }
}
