/// Writes Prometheus' text format, version 0.0.4.
struct PrometheusText {
  enum Kind: String { case counter, gauge, histogram }

  static let contentType: StaticString = "text/plain; version=0.0.4; charset=utf-8"

  private(set) var text = ""
  private var name = ""

  /// Begins a metric; its samples follow.
  mutating func begin(_ name: String, _ kind: Kind, _ help: String) {
    self.name = name
    text += "# HELP \(name) \(help)\n# TYPE \(name) \(kind.rawValue)\n"
  }

  mutating func sample(_ labels: [(String, String)] = [], _ value: some BinaryInteger) {
    line("", labels, "\(value)")
  }

  /// A histogram of times, in seconds.
  mutating func histogram(_ labels: [(String, String)] = [], _ times: Counters.Histogram, bound: (Int) -> UInt64?) {
    var sum: UInt64 = 0
    for (bucket, count) in times.buckets.enumerated() {
      sum &+= count
      let bound = bound(bucket).map(PrometheusText.seconds) ?? "+Inf"
      line("_bucket", labels + [("le", bound)], "\(sum)")
    }
    line("_sum", labels, PrometheusText.seconds(times.sum))
    line("_count", labels, "\(sum)")
  }

  mutating func number(_ labels: [(String, String)], _ value: Double) {
    line("", labels, PrometheusText.number(value))
  }

  /// - Parameter counts: one for each bound, and one for values beyond the last.
  mutating func histogram(_ labels: [(String, String)], _ counts: [UInt64], bounds: [Double], sum: Double) {
    var total: UInt64 = 0
    for (bucket, count) in counts.enumerated() {
      total &+= count
      let bound = bounds.indices.contains(bucket) ? PrometheusText.number(bounds[bucket]) : "+Inf"
      line("_bucket", labels + [("le", bound)], "\(total)")
    }
    line("_sum", labels, PrometheusText.number(sum))
    line("_count", labels, "\(total)")
  }

  private static func number(_ value: Double) -> String {
    if value.isNaN { return "NaN" }
    if value.isInfinite { return value < 0 ? "-Inf" : "+Inf" }
    return Int64(exactly: value).map { "\($0)" } ?? "\(value)"
  }

  static func escapedHelp(_ help: String) -> String {
    String(help.flatMap { $0 == "\\" ? ["\\", "\\"] : [$0] })
  }

  private mutating func line(_ suffix: String, _ labels: [(String, String)], _ value: String) {
    text += name + suffix
    if !labels.isEmpty {
      text += "{" + labels.map { "\($0)=\"\(PrometheusText.escaped($1))\"" }.joined(separator: ",") + "}"
    }
    text += " \(value)\n"
  }

  /// Nanoseconds as seconds, exactly.
  static func seconds(_ nanoseconds: UInt64) -> String {
    let rest = String(nanoseconds % 1_000_000_000)
    let digits = String(repeating: "0", count: 9 - rest.utf8.count) + rest
    let end = digits.lastIndex { $0 != "0" }
    let fraction = end.map { "." + digits[...$0] } ?? ""
    return "\(nanoseconds / 1_000_000_000)\(fraction)"
  }

  private static func escaped(_ value: String) -> String {
    var result = ""
    for scalar in value.unicodeScalars {
      switch scalar {
      case "\\": result += "\\\\"
      case "\"": result += "\\\""
      case "\n": result += "\\n"
      default: result.unicodeScalars.append(scalar)
      }
    }
    return result
  }
}
