import Glibc
import HTTP
import IPC
import Platform
import Testing

@testable import Supervisor

/// The plugins' own metrics, from memory that plugins can write.
@Suite struct PluginSeriesTests {
  private func board(_ plugins: [String] = ["a"]) throws -> Scoreboard {
    let board = try Scoreboard(
      ScoreboardLayout(slots: 4, plugins: plugins.count, threads: 1, refusals: Refusal.allCases.count), names: plugins)
    for number in [0, 3] { board.slot(number).resetForNextWorker() }
    return board
  }

  private let hits = MetricDefinition(plugin: 0, kind: .counter, name: "hits_total", help: "Hits.")
  private let times = MetricDefinition(
    plugin: 0, kind: .histogram, name: "times", help: "Times.",
    labels: [MetricDefinition.Label(name: "of", value: "x\"y\\")], bounds: [0.5, 2])
  private let level = MetricDefinition(plugin: 0, kind: .gauge, name: "level", help: "Level.")

  private func cell(_ definitions: MetricDefinitions, _ definition: MetricDefinition) throws -> Int {
    guard case .added(_, let cell) = definitions.add(definition) else { throw Errno(code: ENOSPC, attempt: "add") }
    return cell
  }

  private func text(_ series: PluginSeries) -> String {
    var text = PrometheusText()
    series.show(&text)
    return text.text
  }

  @Test func slotsAddUp() throws {
    let board = try board()
    let (hit, time, gauge) = (
      try cell(board.metricDefinitions, hits), try cell(board.metricDefinitions, times),
      try cell(board.metricDefinitions, level)
    )
    for number in [0, 3] {
      let cells = board.slot(number).metrics
      cells.count(hit, 2)
      cells.observe(time, bucket: 1, bounds: 2, 1.5)
      cells.set(gauge: gauge, 0.25)
      cells.change(gauge: gauge, by: 1)
    }
    var series = PluginSeries()
    series.addCounts(board)
    var gauges = PluginSeries()
    gauges.addGauges(board, [0, 3])
    let shown = text(series.with(gauges))
    #expect(
      shown == """
        # HELP outrider_plugin_hits_total Hits.
        # TYPE outrider_plugin_hits_total counter
        outrider_plugin_hits_total{plugin="a"} 4
        # HELP outrider_plugin_level Level.
        # TYPE outrider_plugin_level gauge
        outrider_plugin_level{plugin="a"} 2.5
        # HELP outrider_plugin_times Times.
        # TYPE outrider_plugin_times histogram
        outrider_plugin_times_bucket{plugin="a",of="x\\"y\\\\",le="0.5"} 0
        outrider_plugin_times_bucket{plugin="a",of="x\\"y\\\\",le="2"} 2
        outrider_plugin_times_bucket{plugin="a",of="x\\"y\\\\",le="+Inf"} 2
        outrider_plugin_times_sum{plugin="a",of="x\\"y\\\\"} 3
        outrider_plugin_times_count{plugin="a",of="x\\"y\\\\"} 2

        """)
    // What is kept over an exec is the same again, but for gauges.
    var restored = PluginSeries()
    var records = KeyedRecords()
    series.save(to: &records)
    restored.restore(try #require(KeyedRecords(records.bytes)))
    #expect(text(restored) == text(series))
  }

  @Test func theSameMetricHasOneNumber() throws {
    let board = try board()
    let definitions = board.metricDefinitions
    #expect(try cell(definitions, hits) == cell(definitions, hits))
    let other = MetricDefinition(plugin: 0, kind: .gauge, name: "times", help: "Times.")
    _ = definitions.add(times)
    #expect(definitions.add(other) == .contradicts)
  }

  @Test func thereAreNoMoreThanThereMayBe() throws {
    let board = try board()
    var count = 0
    while true {
      let definition = MetricDefinition(plugin: 0, kind: .gauge, name: "g\(count)", help: "G.")
      guard case .added = board.metricDefinitions.add(definition) else { break }
      count += 1
    }
    #expect(count == MetricCells.gauges)
    #expect(board.metricDefinitions.add(hits) != .full, "counters have cells of their own")
  }

  @Test func generationsAddUpAndOtherBoundsBeginAnew() throws {
    var series = PluginSeries()
    for _ in 0..<2 {
      let board = try board(["b", "a"])
      let mine = MetricDefinition(plugin: 1, kind: .counter, name: "hits_total", help: "Hits.")
      board.slot(0).metrics.count(try cell(board.metricDefinitions, mine), 3)
      let bucket = MetricDefinition(plugin: 1, kind: .histogram, name: "times", help: "T.", bounds: [1])
      board.slot(0).metrics.observe(try cell(board.metricDefinitions, bucket), bucket: 0, bounds: 1, 1)
      series.addCounts(board)
    }
    #expect(text(series).contains("outrider_plugin_hits_total{plugin=\"a\"} 6\n"))
    #expect(text(series).contains("outrider_plugin_times_count{plugin=\"a\"} 2\n"))
    let board = try board(["a"])
    let changed = MetricDefinition(plugin: 0, kind: .histogram, name: "times", help: "T.", bounds: [1, 2])
    _ = try cell(board.metricDefinitions, changed)
    series.addCounts(board)
    #expect(text(series).contains("outrider_plugin_times_count{plugin=\"a\"} 0\n"))
  }

  /// Whatever stands in the memory, it is read without a trap, and what is shown of it can be parsed.
  @Test func garbageIsBounded() throws {
    var generator = SystemRandomNumberGenerator()
    for round in 0..<40 {
      let board = try board()
      _ = try cell(board.metricDefinitions, hits)
      _ = try cell(board.metricDefinitions, times)
      let size = board.layout.byteCount
      // One byte in so many is another.
      let distance = [1, 7, 50, 400][round % 4]
      var offset = 4096
      while offset < size {
        var byte = UInt8.random(in: 0...255, using: &generator)
        #expect(unsafe pwrite(board.raw, &byte, 1, off_t(offset)) == 1)
        offset += Int.random(in: 1...(2 * distance), using: &generator)
      }
      var series = PluginSeries()
      series.addCounts(board)
      var gauges = PluginSeries()
      gauges.addGauges(board, [0, 1, 2, 3, 99])
      for line in text(series.with(gauges)).split(separator: "\n", omittingEmptySubsequences: false) {
        #expect(line.isEmpty || line.hasPrefix("#") || line.hasPrefix("outrider_plugin_"))
      }
      for number in 0..<4 {
        for thread in board.slot(number).health.threads { #expect(thread.name.count <= HealthCells.maxName) }
        if let unready = board.slot(number).health.unready {
          #expect(unready.reason.count <= HealthCells.maxReason && unready.plugin < 1)
        }
      }
    }
  }
}
