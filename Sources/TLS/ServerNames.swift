/// Host names with a certificate of their own: exact names, and `*.domain`, where the star matches one label (RFC 6125
/// section 6.4.3).
struct ServerNames: Sendable {
  private var exact: [String: Int] = [:]
  /// By the domain after `*.`.
  private var wildcards: [String: Int] = [:]

  /// - Parameter lists: lists of lower-case names; `find` returns an index of this. If a name occurs twice, the first
  ///   counts.
  init(_ lists: [[String]]) {
    for (index, names) in lists.enumerated() {
      for name in names {
        if name.hasPrefix("*.") {
          let domain = String(name.dropFirst(2))
          wildcards[domain] = wildcards[domain] ?? index
        } else {
          exact[name] = exact[name] ?? index
        }
      }
    }
  }

  /// The index of the list that contains `host`, or nil. An exact name takes precedence over a wildcard.
  func find(_ host: String) -> Int? {
    if exact.isEmpty && wildcards.isEmpty { return nil }
    var host = host.lowercased()
    if host.utf8.last == UInt8(ascii: ".") { host.removeLast() }
    if let index = exact[host] { return index }
    guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return nil }
    return wildcards[String(host[host.index(after: dot)...])]
  }
}
