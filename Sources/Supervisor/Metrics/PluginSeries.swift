import IPC
import Platform

/// The plugins' own metrics, summed over all workers. Counters and histograms of ended generations are kept; gauges are
/// those of running workers.
struct PluginSeries: Sendable, Equatable {
  struct Key: Sendable, Hashable {
    let plugin: String
    let name: String
    let labels: [MetricDefinition.Label]
  }

  struct Series: Sendable, Equatable {
    var kind: MetricDefinition.Kind
    var help: String
    var bounds: [Double]
    /// One count for a counter, one for each bucket of a histogram.
    var counts: [UInt64]
    /// The sum of a histogram, or the value of a gauge if a worker has set it.
    var sum: Double = 0
    var isSet = false
  }

  /// The maximum number of series of a plugin over all generations; further ones are not shown.
  static let maxSeriesOfPlugin = 512

  private(set) var series: [Key: Series] = [:]
  /// The number of series of each plugin.
  private var seriesCounts: [String: Int] = [:]

  /// Adds the counters and histograms of a scoreboard.
  mutating func addCounts(_ board: borrowing Scoreboard) {
    add(board, board.usedSlots, isGauge: false) { series, definition, cell, slot in
      for index in series.counts.indices { series.counts[index] &+= slot.count(cell + index) }
      if definition.kind == .histogram { series.sum += slot.sum(cell + series.counts.count) }
    }
  }

  /// Adds the gauges of the workers in `slots`.
  mutating func addGauges(_ board: borrowing Scoreboard, _ slots: [Int]) {
    add(board, slots, isGauge: true) { series, definition, cell, slot in
      guard let value = slot.gauge(cell) else { return }
      switch definition.kind {
      case .gaugeMaximum where series.isSet: series.sum = max(series.sum, value)
      case .gaugeMinimum where series.isSet: series.sum = min(series.sum, value)
      case .gauge where series.isSet: series.sum += value
      default: series.sum = value
      }
      series.isSet = true
    }
  }

  private mutating func add(
    _ board: borrowing Scoreboard, _ slots: [Int], isGauge: Bool,
    _ addCells: (inout Series, MetricDefinition, _ cell: Int, MetricCells) -> Void
  ) {
    let definitions = board.metricDefinitions.all
    if definitions.isEmpty { return }
    for (definition, cell) in definitions where definition.kind.isGauge == isGauge {
      guard definition.plugin < board.layout.plugins else { continue }
      let key = Key(
        plugin: board.pluginName(definition.plugin), name: definition.name, labels: definition.labels)
      guard var found = begin(key, definition) else { continue }
      for number in slots where number < board.layout.slots {
        addCells(&found, definition, cell, board.slot(number).metrics)
      }
      series[key] = found
    }
  }

  /// The series so far. It begins anew if a new version of the plugin has changed its shape.
  private mutating func begin(_ key: Key, _ definition: MetricDefinition) -> Series? {
    let countCount = definition.kind == .histogram ? definition.bounds.count + 1 : definition.kind == .counter ? 1 : 0
    if var present = series[key] {
      if present.kind == definition.kind, present.bounds == definition.bounds {
        present.help = definition.help
        return present
      }
    } else {
      guard seriesCounts[key.plugin, default: 0] < Self.maxSeriesOfPlugin else { return nil }
      seriesCounts[key.plugin, default: 0] += 1
    }
    return Series(
      kind: definition.kind, help: definition.help, bounds: definition.bounds,
      counts: [UInt64](repeating: 0, count: countCount))
  }

  /// Both together. A gauge of running workers replaces a counter of the same name.
  func with(_ gauges: PluginSeries) -> PluginSeries {
    var both = self
    both.series.merge(gauges.series) { $1 }
    return both
  }

  // MARK: Over an exec

  func save(to records: inout KeyedRecords) {
    for (key, series) in series {
      var fields = KeyedFields("plugin", key.plugin)
      fields.set("name", key.name)
      fields.set("help", series.help)
      fields.set("kind", series.kind.rawValue)
      fields.set("bounds", series.bounds.map(\.bitPattern))
      fields.set("counts", series.counts)
      fields.set("sum", series.sum.bitPattern)
      fields.set("label_names", key.labels.map(\.name).joined(separator: " "))
      // Label values contain no control characters.
      fields.set("label_values", key.labels.map(\.value).joined(separator: "\n"))
      records.append("plugin_series", fields)
    }
  }

  mutating func restore(_ records: KeyedRecords) {
    for fields in records.of("plugin_series") {
      guard let plugin = fields["plugin"], let name = fields["name"], let help = fields["help"],
        let kind = fields["kind"].flatMap({ UInt8($0) }).flatMap(MetricDefinition.Kind.init), !kind.isGauge
      else { continue }
      let names = (fields["label_names"] ?? "").split(separator: " ").map(String.init)
      let values = (fields["label_values"] ?? "").split(separator: "\n", omittingEmptySubsequences: false)
      let labels = zip(names, values).map { MetricDefinition.Label(name: $0, value: String($1)) }
      let definition = MetricDefinition(
        plugin: 0, kind: kind, name: name, help: help, labels: labels,
        bounds: PluginSeries.numbers(fields["bounds"]).map { Double(bitPattern: $0) })
      let key = Key(plugin: plugin, name: name, labels: labels)
      guard labels.count == names.count, definition.objection == nil, var restored = begin(key, definition) else {
        continue
      }
      let counts = PluginSeries.numbers(fields["counts"])
      if counts.count == restored.counts.count { restored.counts = counts }
      restored.sum = Double(bitPattern: PluginSeries.numbers(fields["sum"]).first ?? 0)
      series[key] = restored
    }
  }

  private static func numbers(_ text: String?) -> [UInt64] {
    (text ?? "").split(separator: " ").prefix(MetricDefinition.maxBounds + 1).map { UInt64($0) ?? 0 }
  }

  // MARK: For Prometheus

  /// Writes a metric with its series. Series of another kind than the first are left out, since a name has one kind.
  func show(_ text: inout PrometheusText) {
    var families: [String: [(key: Key, series: Series)]] = [:]
    for (key, series) in series where !series.kind.isGauge || series.isSet {
      families[key.name, default: []].append((key, series))
    }
    for (name, members) in families.sorted(by: { $0.key < $1.key }) {
      let sorted = members.sorted { Self.text(of: $0.key) < Self.text(of: $1.key) }
      let (kind, help) = (sorted[0].series.kind, sorted[0].series.help)
      let shownKind: PrometheusText.Kind = kind == .counter ? .counter : kind == .histogram ? .histogram : .gauge
      text.begin("outrider_plugin_\(name)", shownKind, PrometheusText.escapedHelp(help))
      for (key, series) in sorted where series.kind == kind {
        let labels = [("plugin", key.plugin)] + key.labels.map { ($0.name, $0.value) }
        switch kind {
        case .counter: text.sample(labels, series.counts[0])
        case .histogram: text.histogram(labels, series.counts, bounds: series.bounds, sum: series.sum)
        case .gauge, .gaugeMaximum, .gaugeMinimum: text.number(labels, series.sum)
        }
      }
    }
  }

  private static func text(of key: Key) -> String {
    key.plugin + key.labels.reduce("") { "\($0)\n\($1.name)\n\($1.value)" }
  }
}
