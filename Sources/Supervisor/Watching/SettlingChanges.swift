import Platform

/// Collects changes until no more follow, because a build or a version control system writes many files.
struct SettlingChanges {
  /// The time without further changes after which they count as complete.
  static let quiet = 25 * Clock.nanosecondsPerMillisecond
  /// The maximum wait for that.
  static let longest = 500 * Clock.nanosecondsPerMillisecond

  private var paths: Set<String> = []
  private var first = ""
  private var since: UInt64 = 0
  private var last: UInt64 = 0

  /// The time at which they are complete; `.max` without a change.
  var deadline: UInt64 {
    paths.isEmpty ? .max : min(last &+ SettlingChanges.quiet, since &+ SettlingChanges.longest)
  }

  /// The maximum number of changes that are distinguished.
  private static let maxPaths = 1000

  mutating func add(_ path: String, at now: UInt64) {
    if paths.isEmpty {
      since = now
      first = path
    }
    last = now
    if first.isEmpty { first = path }
    if paths.count < SettlingChanges.maxPaths { paths.insert(path) }
  }

  /// A file got another name, which `add` was or is called with. Editors write a new file and then give it its name.
  mutating func rename(_ path: String, at now: UInt64) {
    guard paths.remove(path) != nil else { return add(path, at: now) }
    last = now
    if first == path { first = paths.min() ?? "" }
  }

  /// A description of the changes for people, if they are complete.
  mutating func takeComplete(at now: UInt64) -> String? {
    guard deadline <= now else { return nil }
    defer {
      paths = []
      first = ""
    }
    switch paths.count - 1 {
    case 0: return "\(first) has changed"
    case 1: return "\(first) and another file have changed"
    case let others: return "\(first) and \(others) other files have changed"
    }
  }
}
