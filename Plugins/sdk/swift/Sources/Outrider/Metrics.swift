import COutriderPlugin

/// A metric of the plugin, which `/metrics` and `outriderctl metrics` show with the name of its entry. It is defined in
/// `Plugin.init`, and recorded on every thread of a worker, without a lock.
@safe
public struct Counter: Sendable {
  fileprivate let metric: Metric

  /// Adds to the counter.
  public func add(_ amount: UInt64 = 1) {
    _ = unsafe metric.functions.pointee.add(metric.host.table, metric.number, amount)
  }
}

/// A value that rises and falls; shown as the sum over the workers that have set it, unless it was defined otherwise.
@safe
public struct Gauge: Sendable {
  fileprivate let metric: Metric

  /// How the values of workers become one.
  public enum Aggregate: Sendable { case sum, maximum, minimum }

  public func set(_ value: Double) { _ = unsafe metric.functions.pointee.set(metric.host.table, metric.number, value) }

  public func change(by amount: Double) {
    _ = unsafe metric.functions.pointee.change(metric.host.table, metric.number, amount)
  }
}

/// The distribution of a value, such as a duration in seconds.
@safe
public struct Histogram: Sendable {
  fileprivate let metric: Metric

  public func observe(_ value: Double) {
    _ = unsafe metric.functions.pointee.observe(metric.host.table, metric.number, value)
  }
}

@safe
private struct Metric: @unchecked Sendable {
  // The tables of the host, which are there for the life of the process.
  let host: OutriderHost
  let functions: UnsafePointer<outrider_metrics>
  let number: UInt32
}

extension OutriderHost {
  /// Defines a counter. The name ends with "_total"; the help is a sentence on one line. Throws `.invalid` for a name that is
  /// not allowed, with the reason in the log, and `.limit` if there are too many.
  public func counter(_ name: String, help: String, labels: [(name: String, value: String)] = []) throws -> Counter {
    Counter(metric: try define(OUTRIDER_METRIC_COUNTER, name, help, labels, []))
  }

  /// Defines a gauge; see `counter`.
  public func gauge(
    _ name: String, help: String, labels: [(name: String, value: String)] = [],
    shownAs aggregate: Gauge.Aggregate = .sum
  ) throws -> Gauge {
    let kind =
      switch aggregate {
      case .sum: OUTRIDER_METRIC_GAUGE
      case .maximum: OUTRIDER_METRIC_GAUGE_MAXIMUM
      case .minimum: OUTRIDER_METRIC_GAUGE_MINIMUM
      }
    return Gauge(metric: try define(kind, name, help, labels, []))
  }

  /// Defines a histogram, with the upper bounds of its buckets, finite and rising; see `counter`.
  public func histogram(
    _ name: String, help: String, labels: [(name: String, value: String)] = [], bounds: [Double]
  ) throws -> Histogram {
    Histogram(metric: try define(OUTRIDER_METRIC_HISTOGRAM, name, help, labels, bounds))
  }

  private func define(
    _ kind: UInt32, _ name: String, _ help: String, _ labels: [(name: String, value: String)], _ bounds: [Double]
  ) throws -> Metric {
    guard let functions: UnsafePointer<outrider_metrics> = unsafe find(OUTRIDER_METRICS) else {
      throw OutriderError(.unsupported, in: "outrider.metrics/1")
    }
    var number: UInt32 = 0
    let status = unsafe withLabels(labels[...], []) { labels in
      unsafe name.withCString { name in
        unsafe help.withCString { help in
          unsafe labels.withUnsafeBufferPointer { labels in
            unsafe bounds.withUnsafeBufferPointer { bounds in
              var metric = unsafe outrider_metric(
                size: UInt32(MemoryLayout<outrider_metric>.size), kind: kind, name: name, help: help,
                labels: labels.baseAddress, n_labels: labels.count, bounds: bounds.baseAddress, n_bounds: bounds.count)
              return unsafe functions.pointee.define(table, &metric, &number)
            }
          }
        }
      }
    }
    try Acceptance(status, of: "define")
    return unsafe Metric(host: self, functions: functions, number: number)
  }

  private func withLabels(
    _ rest: ArraySlice<(name: String, value: String)>, _ labels: [outrider_metric_label],
    _ call: ([outrider_metric_label]) -> outrider_status
  ) -> outrider_status {
    guard let first = rest.first else { return unsafe call(labels) }
    return unsafe first.name.withCString { name in
      unsafe first.value.withCString { value in
        unsafe withLabels(rest.dropFirst(), labels + [outrider_metric_label(name: name, value: value)], call)
      }
    }
  }
}
