import Control

/// What all trials of a plugin have found.
struct CheckReport {
  let plugin: String
  private(set) var models: [CheckServer.Model] = []
  /// Worker models of which trials are missing, and why.
  private(set) var gaps: [(model: CheckServer.Model, reason: String)] = []
  private(set) var trials = 0
  private(set) var findings: [Finding] = []

  init(plugin: String) { self.plugin = plugin }

  mutating func begin(_ model: CheckServer.Model) { models.append(model) }

  /// No more is tried in this model.
  mutating func leave(_ model: CheckServer.Model, _ reason: String) { gaps.append((model, reason)) }

  /// Counts a trial, and what it has shown: what another has shown before is one finding.
  mutating func add(_ model: CheckServer.Model, _ trial: String, _ texts: [String]) {
    trials += 1
    for text in texts {
      if let index = findings.firstIndex(where: { $0.text == text }) {
        findings[index].count += 1
      } else {
        findings.append(Finding(model: model, trial: trial, text: text))
      }
    }
  }

  /// A line for each finding, one for each gap, and one for all.
  var text: String {
    let sum = findings.isEmpty ? "nothing found" : "\(findings.count) \(findings.count == 1 ? "finding" : "findings")"
    let names = models.map(\.rawValue).joined(separator: ", ")
    let left = gaps.map { "\($0.model.rawValue): \($0.reason)" }
    return
      (findings.map(\.line) + left + ["\(plugin): \(sum) in \(trials) \(trials == 1 ? "trial" : "trials") (\(names))"])
      .joined(separator: "\n")
  }

  var json: JSON {
    .object([
      JSON.Member("plugin", .string(plugin)),
      JSON.Member("models", .array(models.map { .string($0.rawValue) })),
      JSON.Member(
        "gaps",
        .array(
          gaps.map { gap in
            .object([JSON.Member("model", .string(gap.model.rawValue)), JSON.Member("reason", .string(gap.reason))])
          })),
      JSON.Member("trials", .integer(trials)),
      JSON.Member("findings", .array(findings.map(\.json))),
    ])
  }
}
