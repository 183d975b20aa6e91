import Control

/// What a check has found, in one line.
struct Finding {
  let model: CheckServer.Model
  /// The first trial that showed it.
  let trial: String
  let text: String
  /// How many trials have shown it, in all worker models.
  var count = 1

  var line: String {
    let others = count - 1
    let more = others == 0 ? "" : " (and in \(others) other \(others == 1 ? "trial" : "trials"))"
    return "\(model.rawValue): \(trial): \(text)\(more)"
  }

  var json: JSON {
    .object([
      JSON.Member("model", .string(model.rawValue)), JSON.Member("trial", .string(trial)),
      JSON.Member("text", .string(text)), JSON.Member("trials", .integer(count)),
    ])
  }
}
