/// Why a response that has begun is not completed, as far as its plugin is the reason.
package enum CutReason: UInt8, Sendable {
  /// The plugin has ended it before as many bytes as its content-length had come.
  case shorterThanAnnounced
  /// handle(), or open(), has returned a negative status after the head.
  case handlerFailed
  /// The plugin has given it up (OUTRIDER_EVENT_ABORT).
  case aborted
  /// A file that the plugin sends is shorter than it said, or can't be read.
  case unreadableFile
  /// Memory that the plugin sends has changed its size within the call.
  case changedLength
  /// The plugin was told that it is not wanted any more: whoever did that has said why.
  case cancelled

  /// A phrase for the log; nil if there is nothing to say.
  package var reason: StaticString? {
    switch self {
    case .shorterThanAnnounced: "the plugin ended it before its content-length"
    case .handlerFailed: "the plugin returned a negative status after the head"
    case .aborted: "the plugin gave it up"
    case .unreadableFile: "a file of it can't be read, or is shorter than the plugin said"
    case .changedLength: "the plugin changed the size of its content within a call"
    case .cancelled: nil
    }
  }
}
