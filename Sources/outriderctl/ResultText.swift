import Control
import PluginHost

/// The results of commands as text.
enum ResultText {
  static func make(_ command: ControlCommand, _ result: JSON) -> String {
    switch command {
    case .status: status(result)
    case .workers: workers(result)
    case .listeners: listeners(result)
    case .plugins: plugins(result)
    case .config, .metrics: result.text ?? ""
    case .reload: "generation \(plain(result["generation"])) serves, after \(plain(result["duration_ms"])) ms"
    case .reopen: "log files reopened"
    case .upgrade:
      "outrider \(plain(result["version"])) has taken over, with \(plain(result["generations"])) generation(s)"
    case .scale: workersWanted(result)
    case .retire(let pid): "worker \(pid) will be replaced"
    case .stop(let now): now ? "stopping now" : "stopping"
    }
  }

  /// A number or text from the server, without control characters.
  private static func plain(_ value: JSON?) -> String {
    switch value {
    case .string(let text): LogText.escaped(Array(text.utf8))
    case .integer(let number): "\(number)"
    case .boolean(let truth): truth ? "yes" : "no"
    default: "-"
    }
  }

  private static func workersWanted(_ result: JSON?) -> String {
    let scale = result?["scale"]?.number ?? 0
    let change = scale == 0 ? "" : ", scaled by \(scale > 0 ? "+" : "")\(scale)"
    return "\(plain(result?["wanted"])) worker(s) wanted: \(plain(result?["configured"])) configured\(change)"
  }

  private static func status(_ result: JSON) -> String {
    var lines = [
      "supervisor \(plain(result["pid"])): \(result["ready"]?.truth == true ? "ready" : "not ready")"
    ]
    for generation in result["generations"]?.elements ?? [] {
      let step = generation["step"]?.text.map { ", \(LogText.escaped(Array($0.utf8)))" } ?? ""
      lines.append(
        "generation \(plain(generation["number"])): \(plain(generation["stage"]))\(step), "
          + "\(generation["master"]?.number.map { "master \($0)" } ?? "no master"), \(plain(generation["ready_workers"])) of "
          + "\(plain(generation["workers"])) worker(s) ready, since \(span(generation["age_ms"]))")
    }
    lines.append(workersWanted(result["workers"]))
    let age = result["oldest_request_ms"]
    let oldest = age?.number == nil ? "" : ", the oldest for \(span(age))"
    lines.append(
      "requests: \(plain(result["requests"])), \(plain(result["in_flight"])) in flight\(oldest); "
        + "\(plain(result["connections"])) connection(s); \(plain(result["hints_sent"])) hint(s) sent")
    let paused = (result["paused_plugins"]?.elements ?? []).map { plain($0) }
    if !paused.isEmpty { lines.append("paused plugins: \(paused.joined(separator: ", "))") }
    lines.append("worker restarts: \(counts(result["worker_restarts"]))")
    lines.append("master restarts: \(counts(result["master_restarts"]))")
    if let reload = result["last_reload"], reload != .null {
      let outcome =
        reload["failure"]?.text.map { "failed: \(LogText.escaped(Array($0.utf8)))" }
        ?? "generation \(plain(reload["generation"])) after \(plain(reload["duration_ms"])) ms"
      lines.append("last reload: \(outcome)")
    }
    return lines.joined(separator: "\n")
  }

  /// The counts that are not 0.
  private static func counts(_ value: JSON?) -> String {
    let counts = (value?.members ?? []).filter { $0.value.number != 0 }
    let words = counts.map { "\(plain(.string($0.name))) \(plain($0.value))" }
    return counts.isEmpty ? "none" : words.joined(separator: ", ")
  }

  private static func workers(_ result: JSON) -> String {
    var table = Table("PID", "WORKER", "GENERATION", "STATE", "REQUESTS", "IN FLIGHT", "CONNECTIONS", "OLDEST REQUEST")
    for worker in result.elements {
      let oldest = worker["flights"]?.elements.first.map { flight in
        "\(span(flight["age_ms"])) \(plain(flight["method"])) \(plain(flight["path"]))"
      }
      table.add(
        plain(worker["pid"]), plain(worker["worker"]), plain(worker["generation"]), plain(worker["state"]),
        plain(worker["requests"]), plain(worker["in_flight"]), plain(worker["connections"]), oldest ?? "-")
    }
    return table.text
  }

  private static func listeners(_ result: JSON) -> String {
    var table = Table("LISTENER", "ADDRESS", "ORIGIN", "BACKLOG", "WAITING")
    for listener in result.elements {
      table.add(
        plain(listener["bind"]), plain(listener["address"]), plain(listener["origin"]), plain(listener["backlog"]),
        plain(listener["waiting"]))
    }
    return table.text
  }

  private static func plugins(_ result: JSON) -> String {
    var table = Table("NAME", "PLUGIN", "MOUNT", "STYLES", "STATE", "REQUESTS", "PATH")
    for plugin in result.elements {
      let pause = plugin["paused_for_ms"]
      table.add(
        plain(plugin["name"]), plain(plugin["title"]), plain(plugin["mount"]), plain(plugin["styles"]),
        pause?.number == nil ? "serving" : "paused, \(span(pause)) left", plain(plugin["requests"]),
        plain(plugin["path"]))
    }
    return table.text
  }

  /// A duration in milliseconds, in a suitable unit.
  private static func span(_ value: JSON?) -> String {
    guard let milliseconds = value?.number else { return "-" }
    return switch milliseconds {
    case ..<10_000: "\(milliseconds) ms"
    case ..<600_000: "\(milliseconds / 1000) s"
    case ..<36_000_000: "\(milliseconds / 60_000) min"
    default: "\(milliseconds / 3_600_000) h"
    }
  }
}
