/// What lines of the server's log say against the plugin.
enum LogFindings {
  /// What the server itself says of a plugin behind its name; other such lines are the plugin's own words.
  private static let verdicts = [" refused: OUTRIDER_E_", " has not returned", "run_loop has returned"]

  /// What is no finding by itself: other lines have told of the same.
  private static let details = ["lost with it: ", "it is paused for", " more like it"]
  /// What the server ends a worker for.
  private static let causes = [": debug.abi_checks ends the worker", "; aborting", "; killing it"]
  /// How a process has ended.
  private static let ends = [" was killed by ", " exited with "]

  /// One text for each finding. What another line of them explains is none of its own.
  ///
  /// - Parameter library: the name of the plugin's file: of a stack, the frames in it are shown.
  static func texts(_ lines: [String], library: String) -> [String] {
    var found: [String] = []
    // The last of them has a worker ended by a signal of the server's.
    var endsWorker = false
    for line in lines.compactMap(LogLine.init) where line.isError {
      if let frames = frames(of: line.text, in: library) {
        if !frames.isEmpty, let last = found.indices.last { found[last] += ", at \(frames)" }
        continue
      }
      if line.text.hasPrefix("plugin "), !verdicts.contains(where: line.text.contains) { continue }
      if details.contains(where: line.text.contains) { continue }
      if endsWorker, line.text.contains("was killed by SIGABRT") || line.text.contains("was killed by SIGKILL") {
        continue
      }
      endsWorker = causes.contains(where: line.text.contains)
      found.append(plain(line.text))
    }
    return found
  }

  /// Whether the end of each process has been told that the server has said it ends.
  static func areWhole(_ lines: [String]) -> Bool {
    var announced = 0
    for line in lines.compactMap(LogLine.init) {
      if causes.contains(where: line.text.contains) {
        announced += 1
      } else if announced > 0, ends.contains(where: line.text.contains) {
        announced -= 1
      }
    }
    return announced == 0
  }

  /// The innermost frames that are in the library, if the text is a stack; none of threads that have not failed.
  private static func frames(of text: Substring, in library: String) -> String? {
    guard text.contains("): thread ") else { return nil }
    guard text.contains(" got the signal") || text.contains(" called exit") else { return "" }
    let stack = text.split(separator: " at ", maxSplits: 1).last ?? ""
    return stack.split(separator: " < ").filter { $0.contains(library) }.prefix(3).joined(separator: " < ")
  }

  /// Without what differs from one time to the next: addresses, process ids, request ids, spans, and what the trial's
  /// name says.
  private static func plain(_ text: Substring) -> String {
    var text = text
    for tail in ["; its replacement starts", ": debug.abi_checks ends the worker", " while serving "] {
      if let part = text.split(separator: tail, maxSplits: 1).first { text = part }
    }
    var words: [Substring] = []
    for word in text.split(separator: " ") {
      if word.hasPrefix("request=") || word.hasPrefix("plugin=") { continue }
      if word.hasPrefix("127.0.0.1:") {
        words.append(word.hasSuffix(":") ? "the client:" : "the client")
      } else if word.hasSuffix(")"), let last = words.last, last == "(pid" || methods.contains(last) {
        words.removeLast()
      } else if words.last == "master", Int(word) != nil {
        continue
      } else {
        words.append(word)
      }
    }
    return words.joined(separator: " ")
  }

  /// As they stand before a path, in parentheses.
  private static let methods: [Substring] = ["(GET", "(HEAD", "(POST"]
}
