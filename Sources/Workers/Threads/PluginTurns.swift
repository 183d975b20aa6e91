import PluginHost

/// Whose handler runs on one thread at a time: plugins that do not say that they are thread-safe. The requests of each that
/// another one holds back wait here, and hold no thread meanwhile.
///
/// All of it is under the pool's monitor.
struct PluginTurns {
  private struct Turn {
    var isTaken = false
    var waiting = RequestLine()
  }

  /// By the plugins' numbers; nil for those that are thread-safe.
  private var turns: [Turn?]

  init(_ plugins: [Plugin]) {
    turns = plugins.map { $0.record.isThreadSafe ? nil : Turn() }
  }

  /// Whether a request may go to a thread now; if not, it waits for its turn.
  mutating func begin(_ request: Request) -> Bool {
    if take(request.record.plugin) { return true }
    turns[request.record.plugin]?.waiting.append(request)
    return false
  }

  /// Takes a plugin's turn; false if somebody has it.
  mutating func take(_ plugin: Int) -> Bool {
    guard turns.indices.contains(plugin), turns[plugin] != nil else { return true }
    if turns[plugin]?.isTaken == true { return false }
    turns[plugin]?.isTaken = true
    return true
  }

  /// Nobody has it any more.
  mutating func giveBack(_ plugin: Int) {
    guard turns.indices.contains(plugin) else { return }
    turns[plugin]?.isTaken = false
  }

  /// A request that has waited, may go on, and has its plugin's turn now.
  mutating func next(where mayGo: (Request) -> Bool) -> Request? {
    for plugin in turns.indices where turns[plugin]?.isTaken == false {
      guard let request = turns[plugin]?.waiting.pop(where: mayGo) else { continue }
      turns[plugin]?.isTaken = true
      return request
    }
    return nil
  }
}
