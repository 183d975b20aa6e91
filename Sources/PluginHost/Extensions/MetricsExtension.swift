import COutrider
import Glibc
import HTTP
import Platform

/// `outrider.metrics/1`: metrics of plugins.
extension Extensions {
  static let metrics = unsafe Extension(
    "outrider.metrics/1",
    outrider_metrics(
      size: 0, reserved: 0,
      define: { unsafe PluginMetrics.define($0, $1, $2) },
      add: { host, number, amount in
        unsafe PluginMetrics.record("metrics.add", host, number, { $0 == .counter }) { $0.count($1.cell, amount) }
      },
      set: { host, number, value in
        unsafe PluginMetrics.record("metrics.set", host, number, { $0.isGauge }) { $0.set(gauge: $1.cell, value) }
      },
      change: { host, number, amount in
        unsafe PluginMetrics.record("metrics.change", host, number, { $0.isGauge }) {
          $0.change(gauge: $1.cell, by: amount)
        }
      },
      observe: { host, number, value in
        unsafe PluginMetrics.record("metrics.observe", host, number, { $0 == .histogram && value.isFinite }) {
          let bounds = unsafe $1.bounds
          var bucket = 0
          while bucket < bounds.count, unsafe value > bounds[bucket] { bucket += 1 }
          $0.observe($1.cell, bucket: bucket, bounds: bounds.count, value)
        }
      }))
}

/// The metrics that the plugins of this process have defined.
package enum PluginMetrics {
  /// What a number refers to. Kept outside the shared memory, which any process that plugins fork can overwrite.
  @safe
  struct Metric {
    let plugin: Int
    let kind: MetricDefinition.Kind
    let cell: Int
    let bounds: UnsafeBufferPointer<Double>
  }

  // Written while plugins are loaded, by the only thread that exists then; constant afterwards.
  nonisolated(unsafe) private static var definitions: MetricDefinitions?
  nonisolated(unsafe) private static let table: UnsafeMutablePointer<Metric?> = {
    let table = UnsafeMutablePointer<Metric?>.allocate(capacity: MetricDefinition.maxSeries)
    unsafe table.initialize(repeating: nil, count: MetricDefinition.maxSeries)
    return unsafe table
  }()

  /// [master] Sets the shared memory for definitions, before any plugin is loaded.
  package static func install(_ shared: MetricDefinitions) { unsafe definitions = shared }

  static func define(
    _ host: UnsafePointer<outrider_host>?, _ metric: UnsafePointer<outrider_metric>?,
    _ number: UnsafeMutablePointer<UInt32>?
  ) -> outrider_status {
    guard let plugin = unsafe HostTable.plugin(host), plugin.record.isLoading else {
      return CallStatus.wrongState.rawValue
    }
    guard let number = unsafe number else { return refuse(plugin, "number is NULL") }
    guard let metric = unsafe metric,
      let copy = unsafe ABI.structure(
        at: metric, size: Int(metric.pointee.size), least: OUTRIDER_METRIC_SIZE_1_0, outrider_metric.self)
    else { return refuse(plugin, "metric is NULL, or its size is less than that of version 1") }
    guard let definition = unsafe definition(copy, plugin.record.number) else {
      return refuse(plugin, "kind, name, help, labels or bounds are missing, or are too many")
    }
    if let rule = definition.objection { return refuse(plugin, "metric \(definition.name): \(rule)") }
    let shared = unsafe definitions ?? MetricDefinitions.unshared()
    unsafe definitions = shared
    switch shared.add(definition) {
    case .added(let index, let cell):
      unsafe number.pointee = UInt32(index + 1)
      if unsafe table[index] == nil { unsafe table[index] = metricOf(definition, cell) }
      return CallStatus.ok.rawValue
    case .contradicts: return refuse(plugin, "metric \(definition.name): there is one of another kind with that name")
    case .full:
      _ = refuse(plugin, "metric \(definition.name): there are too many metrics")
      return CallStatus.limit.rawValue
    }
  }

  private static func metricOf(_ definition: MetricDefinition, _ cell: Int) -> Metric {
    let bounds = UnsafeMutableBufferPointer<Double>.allocate(capacity: definition.bounds.count)
    _ = unsafe bounds.initialize(from: definition.bounds)
    return unsafe Metric(
      plugin: definition.plugin, kind: definition.kind, cell: cell, bounds: UnsafeBufferPointer(bounds))
  }

  private static func refuse(_ plugin: Plugin, _ rule: String) -> outrider_status {
    let text = Array("metrics.define refused: \(LogText.escaped(Array(rule.utf8)))".utf8)
    unsafe text.withUnsafeBufferPointer { buffer in
      let bytes = unsafe Bytes(base: buffer.baseAddress, count: buffer.count)
      unsafe HostLog.log(plugin.record.host, outrider_exchange(id: 0), OUTRIDER_LOG_WARNING, bytes.abi)
    }
    return CallStatus.invalid.rawValue
  }

  /// The plugin's arguments as a definition, which may still be invalid; nil if they can't be one.
  private static func definition(_ metric: outrider_metric, _ plugin: Int) -> MetricDefinition? {
    guard let kind = MetricDefinition.Kind(rawValue: UInt8(clamping: unsafe metric.kind)),
      let name = unsafe text(metric.name, MetricDefinition.maxName),
      let help = unsafe text(metric.help, MetricDefinition.maxHelp),
      unsafe (0...MetricDefinition.maxLabels).contains(metric.n_labels),
      unsafe metric.n_labels == 0 || metric.labels != nil,
      unsafe (0...MetricDefinition.maxBounds).contains(metric.n_bounds),
      unsafe metric.n_bounds == 0 || metric.bounds != nil
    else { return nil }
    var labels: [MetricDefinition.Label] = []
    for index in 0..<(unsafe metric.n_labels) {
      guard let label = unsafe metric.labels?[index], let name = unsafe text(label.name, MetricDefinition.maxLabelName),
        let value = unsafe text(label.value, MetricDefinition.maxLabelValue)
      else { return nil }
      labels.append(MetricDefinition.Label(name: name, value: value))
    }
    let bounds = unsafe Array(UnsafeBufferPointer(start: metric.bounds, count: metric.n_bounds))
    return MetricDefinition(plugin: plugin, kind: kind, name: name, help: help, labels: labels, bounds: bounds)
  }

  /// The text, with at most one byte more than the limit, so that the check of its length fails if it is too long.
  private static func text(_ words: UnsafePointer<CChar>?, _ limit: Int) -> String? {
    guard let words = unsafe words else { return nil }
    let bytes = unsafe Array(UnsafeRawBufferPointer(start: words, count: strnlen(words, limit + 1)))
    return String(decoding: bytes, as: UTF8.self)
  }

  /// [any-thread] Records a value in a metric of the calling entry.
  @inline(__always)
  static func record(
    _ call: StaticString, _ host: UnsafePointer<outrider_host>?, _ number: UInt32,
    _ takes: (MetricDefinition.Kind) -> Bool, _ write: (MetricCells, Metric) -> Void
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    let plugin = unsafe HostTable.plugin(host)
    guard number > 0, number <= UInt32(MetricDefinition.maxSeries), let metric = unsafe table[Int(number) - 1],
      let plugin, metric.plugin == plugin.record.number, takes(metric.kind)
    else {
      runtime.record.misuse.note(
        call, .invalid, plugin: plugin, exchange: outrider_exchange(id: 0),
        rule: "\(number) is no metric of this entry that takes that value")
      return CallStatus.invalid.rawValue
    }
    write(runtime.record.slot.metrics, metric)
    return CallStatus.ok.rawValue
  }
}
