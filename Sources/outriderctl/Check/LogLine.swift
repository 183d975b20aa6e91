/// A line that a process of the server has logged: `[time] [pid] [LEVEL] role: text`.
struct LogLine {
  let level: Substring
  let text: Substring

  /// Nil for what is not of this form, such as what a plugin has written to standard error.
  init?(_ line: String) {
    let parts = line.split(separator: "]", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 4, parts[..<3].allSatisfy({ $0.contains("[") }) else { return nil }
    level = parts[2].drop { $0 == " " || $0 == "[" }
    guard let colon = parts[3].firstIndex(of: ":") else { return nil }
    text = parts[3][colon...].dropFirst(2)
  }

  /// The server says that something has failed.
  var isError: Bool { level == "ERROR" || level == "CRITICAL" }
}
