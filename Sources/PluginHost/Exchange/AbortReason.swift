/// Why a response is aborted after its head, as far as the plugin is the cause.
package enum AbortReason: UInt8, Sendable {
  /// The plugin has ended it before its content-length was reached.
  case shorterThanContentLength
  /// handle(), or open(), has returned a negative status after the head.
  case handlerFailed
  /// The plugin has aborted it (OUTRIDER_EVENT_ABORT).
  case aborted
  /// The plugin has aborted it before the head, with a negative reason: the server responds in its place. `timedOut`:
  /// the reason is that the time limit has passed.
  case failed, timedOut
  /// A file that the plugin sends is shorter than it said, or can't be read.
  case unreadableFile
  /// Memory that the plugin sends has changed its size within the call.
  case changedLength
  /// The exchange was cancelled, for a reason that was logged.
  case cancelled

  /// The reason for the log; nil if it has been logged already, or the response is not truncated.
  package var reason: StaticString? {
    switch self {
    case .shorterThanContentLength: "the plugin ended it before its content-length"
    case .handlerFailed: "the plugin returned a negative status after the head"
    case .aborted: "the plugin gave it up"
    case .failed, .timedOut: nil
    case .unreadableFile: "a file of it can't be read, or is shorter than the plugin said"
    case .changedLength: "the plugin changed the size of its content within a call"
    case .cancelled: nil
    }
  }
}
