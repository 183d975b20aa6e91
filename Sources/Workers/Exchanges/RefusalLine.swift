import HTTP
import Platform

/// The log line about a refused request: the status, the client, and the reason.
struct RefusalLine {
  /// The state of the response when the request is refused.
  enum Response {
    case none
    /// The response is incomplete.
    case cut
    /// The response is complete.
    case complete
  }

  let refusal: Refusal
  /// The client in the form of `Worker.peer(of:)`.
  let peer: String
  let response: Response

  var text: String { "\(what) \(peer): \(refusal.reason)" }

  private var what: String {
    guard refusal.isAnswered else { return "reset to" }
    switch response {
    case .none: return "\(refusal.status) to"
    case .cut: return "answer cut off to"
    case .complete: return "answered all the same to"
    }
  }

  /// The longest path that is logged completely.
  private static let longestPath = 80

  /// Describes a request: its target if the head has come so far, its plugin if it has one, and its id.
  static func description(method: Bytes, path: Bytes, plugin: String?, id: String?) -> String {
    var words = method.isEmpty ? "" : " (\(method.escaped()) \(path.escaped(limit: longestPath)))"
    if let plugin { words += " plugin=\(plugin)" }
    if let id { words += " request=\(id)" }
    return words
  }
}
