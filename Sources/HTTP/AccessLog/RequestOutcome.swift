/// How a request has ended, whatever its status: for the access log and the metrics.
package enum RequestOutcome: UInt8, Sendable, CaseIterable {
  /// The client was sent the whole response, the server's own too.
  case complete
  /// Less of the response was sent than its head has announced: the plugin did not end it, or the server could not.
  case truncated
  /// The client left before the response was out.
  case clientGone
  /// The client, or the plugin, was too slow for one of the timeouts.
  case timeout
  /// The worker died while it had the request.
  case crashed
  /// The server ended it: its worker had to leave.
  case cancelled

  /// As logs and labels have it.
  package var name: StaticString {
    switch self {
    case .complete: "complete"
    case .truncated: "truncated"
    case .clientGone: "client_gone"
    case .timeout: "timeout"
    case .crashed: "crashed"
    case .cancelled: "cancelled"
    }
  }
}
