import Control
import HTTP
import Platform

/// /status: an overview of the service for people, in a single document. Untrusted text is escaped.
enum StatusPage {
  static let contentType: StaticString = "text/html; charset=utf-8"

  static func make(_ state: ServiceState) -> String {
    let report = StatusReport(state)
    let (status, counters) = (report.status, state.counters)
    var page = """
      <!DOCTYPE html>
      <html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
      <title>Outrider</title>
      <style>
      body { font: 1rem/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }
      table { border-collapse: collapse; width: 100%; margin-bottom: 2rem; }
      th, td { text-align: left; padding: .2rem 1rem .2rem 0; border-bottom: 1px solid #8884; overflow-wrap: anywhere; }
      </style>
      <h1>Outrider is \(state.isReady ? "ready" : "not ready")</h1>

      """
    page += table(
      "Service", [],
      [
        ["Requests", cell(status["requests"])], ["In flight", cell(status["in_flight"])],
        ["Open connections", cell(status["connections"])], ["Early hints sent", cell(status["hints_sent"])],
        ["Lead time of hints, on average", lead(counters.hintLead)],
        ["Workers wanted", "\(cell(report.scale["wanted"])), \(cell(report.scale["configured"])) configured"],
        ["Last reload", reload(state.lastReload)],
      ])
    page += table(
      "Plugins", ["Name", "Mount", "State", "Requests"],
      report.plugins.elements.map { plugin in
        let pause = plugin["paused_for_ms"]?.number
        return [
          cell(plugin["name"]), cell(plugin["mount"]),
          pause.map { "paused, \($0 / 1000 + 1) s left" } ?? "serving", cell(plugin["requests"]),
        ]
      })
    page += table(
      "Generations", ["Number", "Stage", "Master", "Workers ready"],
      (status["generations"]?.elements ?? []).map { generation in
        ["number", "stage", "master", "ready_workers"].map { cell(generation[$0]) }
      })
    let workers = report.workers.elements
    page += table(
      "Workers", ["Pid", "Worker", "Generation", "State", "Requests", "In flight", "Connections"],
      workers.map { worker in
        ["pid", "worker", "generation", "state", "requests", "in_flight", "connections"].map { cell(worker[$0]) }
      })
    page += table(
      "Requests in flight", ["Worker", "Plugin", "Method", "Path", "Milliseconds"],
      workers.flatMap { worker in
        (worker["flights"]?.elements ?? []).map { flight in
          [cell(worker["pid"])] + ["plugin", "method", "path", "age_ms"].map { cell(flight[$0]) }
        }
      })
    return page + "</html>\n"
  }

  private static func lead(_ lead: Counters.Histogram) -> String {
    lead.count == 0 ? "–" : "\(lead.sum / lead.count / Clock.nanosecondsPerMillisecond) ms"
  }

  private static func reload(_ reload: ServiceState.Reload?) -> String {
    guard let reload else { return "–" }
    if let failure = reload.failure { return "failed: \(escaped(failure))" }
    return "generation \(reload.generation) after \(reload.duration / Clock.nanosecondsPerMillisecond) ms"
  }

  /// - Parameters:
  ///   - header: the titles of the columns; empty if the first cell of each row is its title.
  ///   - rows: cells as HTML.
  private static func table(_ title: String, _ header: [String], _ rows: [[String]]) -> String {
    var text = "<h2>\(title)</h2>\n<table>\n"
    if !header.isEmpty { text += "<tr>" + header.map { "<th>\($0)</th>" }.joined() + "</tr>\n" }
    for row in rows { text += "<tr>" + row.map { "<td>\($0)</td>" }.joined() + "</tr>\n" }
    return text + "</table>\n"
  }

  private static func cell(_ value: JSON?) -> String {
    switch value {
    case .string(let text): escaped(text)
    case .integer(let number): "\(number)"
    default: "–"
    }
  }

  private static func escaped(_ text: String) -> String {
    var result = ""
    for scalar in text.unicodeScalars {
      switch scalar {
      case "&": result += "&amp;"
      case "<": result += "&lt;"
      case ">": result += "&gt;"
      case "\"": result += "&quot;"
      case "\u{0}"..<" ", "\u{7F}"..<"\u{A0}": result += "\u{FFFD}"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
