import PluginHost

/// Turns of plugins that are not declared thread-safe: the handler of each runs on one thread at a time. Requests that
/// wait for another of their plugin are queued here and occupy no thread.
///
/// All of it is under the pool's monitor.
struct PluginTurns {
  private struct Turn {
    var isTaken = false
    var waiting = RequestQueue()
  }

  /// By plugin index; nil for thread-safe plugins.
  private var turns: [Turn?]

  init(_ plugins: [Plugin]) {
    turns = plugins.map { $0.record.isThreadSafe ? nil : Turn() }
  }

  /// Whether a request may go to a thread now; if not, it is queued for its turn.
  mutating func begin(_ request: Request) -> Bool {
    if take(request.record.plugin) { return true }
    turns[request.record.plugin]?.waiting.append(request)
    return false
  }

  /// Takes a plugin's turn; false if it is taken.
  mutating func take(_ plugin: Int) -> Bool {
    guard turns.indices.contains(plugin), turns[plugin] != nil else { return true }
    if turns[plugin]?.isTaken == true { return false }
    turns[plugin]?.isTaken = true
    return true
  }

  /// Returns a plugin's turn.
  mutating func giveBack(_ plugin: Int) {
    guard turns.indices.contains(plugin) else { return }
    turns[plugin]?.isTaken = false
  }

  /// A queued request that may run now; its plugin's turn has been taken for it.
  mutating func next(where mayGo: (Request) -> Bool) -> Request? {
    for plugin in turns.indices where turns[plugin]?.isTaken == false {
      guard let request = turns[plugin]?.waiting.pop(where: mayGo) else { continue }
      turns[plugin]?.isTaken = true
      return request
    }
    return nil
  }
}
