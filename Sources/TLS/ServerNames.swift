/// Host names with a certificate of their own: exact ones, and `*.domain`, which stands for one label (RFC 6125
/// section 6.4.3).
struct ServerNames: Sendable {
  private var exact: [String: Int] = [:]
  /// By the domain behind the star's dot.
  private var wildcards: [String: Int] = [:]

  /// - Parameter lists: lower-case names; an index of this is what `find` gives. The first of two equal names counts.
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

  /// The list that holds `host`, or nil. A name of its own counts more than a star.
  func find(_ host: String) -> Int? {
    if exact.isEmpty && wildcards.isEmpty { return nil }
    var host = host.lowercased()
    if host.utf8.last == UInt8(ascii: ".") { host.removeLast() }
    if let index = exact[host] { return index }
    guard let dot = host.firstIndex(of: "."), dot != host.startIndex else { return nil }
    return wildcards[String(host[host.index(after: dot)...])]
  }
}
