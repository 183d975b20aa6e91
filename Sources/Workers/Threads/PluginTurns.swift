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
    let plugin = request.record.plugin
    guard turns.indices.contains(plugin), turns[plugin] != nil else { return true }
    if turns[plugin]?.isTaken == true {
      turns[plugin]?.waiting.append(request)
      return false
    }
    turns[plugin]?.isTaken = true
    return true
  }

  /// A request has left its thread: the next whose turn it is, if one waits.
  mutating func end(_ request: Request) -> Request? {
    let plugin = request.record.plugin
    guard turns.indices.contains(plugin), turns[plugin] != nil else { return nil }
    turns[plugin]?.isTaken = false
    return turns[plugin]?.waiting.pop()
  }
}
