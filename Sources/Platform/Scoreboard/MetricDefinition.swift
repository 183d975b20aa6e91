/// A metric of a plugin with its labels, which is one time series in Prometheus.
package struct MetricDefinition: Sendable, Equatable {
  package enum Kind: UInt8, Sendable, CaseIterable {
    case counter = 1
    /// The sum, the maximum or the minimum of the workers' values.
    case gauge, gaugeMaximum, gaugeMinimum
    case histogram

    package var isGauge: Bool { self != .counter && self != .histogram }
  }

  package struct Label: Sendable, Hashable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
      self.name = name
      self.value = value
    }
  }

  /// The maximum number of series of all plugins of a generation.
  package static let maxSeries = 256
  /// The maximum number of bytes of a name, a help text, a label's name and a label's value.
  package static let maxName = 64
  package static let maxHelp = 160
  package static let maxLabelName = 32
  package static let maxLabelValue = 64
  package static let maxLabels = 4
  /// The maximum number of bounds of a histogram, without infinity.
  package static let maxBounds = 16

  /// The index of the plugin in the configuration.
  package let plugin: Int
  package let kind: Kind
  /// The name without the server's prefix.
  package let name: String
  package let help: String
  package let labels: [Label]
  package let bounds: [Double]

  package init(plugin: Int, kind: Kind, name: String, help: String, labels: [Label] = [], bounds: [Double] = []) {
    self.plugin = plugin
    self.kind = kind
    self.name = name
    self.help = help
    self.labels = labels
    self.bounds = bounds
  }

  /// The number of its cells. A histogram has one for each bound, one for larger values, and one for the sum.
  package var cellCount: Int { kind == .histogram ? bounds.count + 2 : 1 }

  // MARK: Rules

  /// The rule that the definition breaks, or nil.
  package var objection: StaticString? {
    if !Self.isName(name, max: Self.maxName) { return "the name is not 1 to 64 lower-case letters, digits and _" }
    if kind == .counter && !name.hasSuffix("_total") { return "the name of a counter ends with _total" }
    if kind != .counter && name.hasSuffix("_total") { return "only the name of a counter ends with _total" }
    if ["_bucket", "_sum", "_count"].contains(where: name.hasSuffix) {
      return "names that end with _bucket, _sum or _count are those of histograms' parts"
    }
    if help.isEmpty || !Self.isText(help, max: Self.maxHelp) { return "the help is not 1 to 160 bytes on one line" }
    if labels.count > Self.maxLabels { return "there are more than 4 labels" }
    for (index, label) in labels.enumerated() {
      if !Self.isName(label.name, max: Self.maxLabelName) {
        return "the name of a label is not 1 to 32 lower-case letters, digits and _"
      }
      if ["plugin", "le"].contains(label.name) || label.name.hasPrefix("__") {
        return "labels named plugin, le or __… are the server's"
      }
      if labels[..<index].contains(where: { $0.name == label.name }) { return "a label is there twice" }
      if !Self.isText(label.value, max: Self.maxLabelValue) {
        return "the value of a label has more than 64 bytes, or control characters"
      }
    }
    guard kind == .histogram else { return bounds.isEmpty ? nil : "only a histogram has bounds" }
    if bounds.isEmpty || bounds.count > Self.maxBounds { return "a histogram has 1 to 16 bounds" }
    if !bounds.allSatisfy(\.isFinite) || !zip(bounds, bounds.dropFirst()).allSatisfy(<) {
      return "the bounds of a histogram are finite and rise"
    }
    return nil
  }

  private static func isName(_ text: String, max: Int) -> Bool {
    let bytes = text.utf8
    guard !bytes.isEmpty, bytes.count <= max, let first = bytes.first else { return false }
    func isLetter(_ byte: UInt8) -> Bool {
      (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
    }
    return isLetter(first)
      && bytes.allSatisfy { isLetter($0) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
  }

  private static func isText(_ text: String, max: Int) -> Bool {
    text.utf8.count <= max && text.unicodeScalars.allSatisfy { $0.value >= 0x20 && !(0x7F...0x9F).contains($0.value) }
  }
}
