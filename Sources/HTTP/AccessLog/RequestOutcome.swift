/// How a request has ended, regardless of its status: for the access log and the metrics.
package enum RequestOutcome: UInt8, Sendable, CaseIterable {
  /// The client was sent the whole response, of the plugin or of the server.
  case complete
  /// The response is shorter than its head announced: the plugin did not complete it, or the server could not.
  case truncated
  /// The client left before the response was sent.
  case clientGone
  /// The client, or the plugin, was too slow for one of the timeouts.
  case timeout
  /// The worker died while it served the request.
  case crashed
  /// The server ended it because its worker had to exit.
  case cancelled

  /// A function of its own because it is called for each request: `==` would call the generic operator.
  @inline(__always)
  package var isComplete: Bool { if case .complete = self { true } else { false } }

  /// The name in logs and labels.
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
