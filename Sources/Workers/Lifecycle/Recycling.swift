import Configuration

/// When a worker has served enough requests and asks to be replaced (`server.max_requests`).
struct Recycling {
  /// Requests begun so far.
  var begun: UInt64 = 0
  /// The number of requests after which it asks; `.max` if it has asked, or never does.
  private var lifetime: UInt64

  init(lifetime: UInt64) { self.lifetime = lifetime }

  /// Whether the worker has to ask now. True only once.
  mutating func takeDue() -> Bool {
    guard begun >= lifetime else { return false }
    lifetime = .max
    return true
  }

  /// Stops asking, since nobody can replace the worker.
  mutating func stop() { lifetime = .max }
}
