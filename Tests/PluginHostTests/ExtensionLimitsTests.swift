import COutrider
import Platform
import Testing

@testable import PluginHost

/// The limits that the headers tell plugins of are those of the host.
@Suite struct ExtensionLimitsTests {
  @Test func metrics() {
    #expect(MetricDefinition.maxSeries == Int(OUTRIDER_METRICS_MAX))
    #expect(MetricCells.gauges == Int(OUTRIDER_METRICS_MAX_GAUGES))
    #expect(MetricCells.counts == Int(OUTRIDER_METRICS_MAX_CELLS))
    #expect(MetricDefinition.maxName == Int(OUTRIDER_METRICS_MAX_NAME))
    #expect(MetricDefinition.maxHelp == Int(OUTRIDER_METRICS_MAX_HELP))
    #expect(MetricDefinition.maxLabels == Int(OUTRIDER_METRICS_MAX_LABELS))
    #expect(MetricDefinition.maxLabelName == Int(OUTRIDER_METRICS_MAX_LABEL_NAME))
    #expect(MetricDefinition.maxLabelValue == Int(OUTRIDER_METRICS_MAX_LABEL_VALUE))
    #expect(MetricDefinition.maxBounds == Int(OUTRIDER_METRICS_MAX_BOUNDS))
    let kinds: [(MetricDefinition.Kind, UInt32)] = [
      (.counter, OUTRIDER_METRIC_COUNTER), (.gauge, OUTRIDER_METRIC_GAUGE),
      (.gaugeMaximum, OUTRIDER_METRIC_GAUGE_MAXIMUM), (.gaugeMinimum, OUTRIDER_METRIC_GAUGE_MINIMUM),
      (.histogram, OUTRIDER_METRIC_HISTOGRAM),
    ]
    #expect(kinds.count == MetricDefinition.Kind.allCases.count)
    for (kind, number) in kinds { #expect(UInt32(kind.rawValue) == number) }
  }

  @Test func notesAndHealth() {
    #expect(RequestNotes.most == Int(OUTRIDER_LOG_MAX_NOTES))
    #expect(RequestNotes.maxKey == Int(OUTRIDER_LOG_MAX_KEY))
    #expect(RequestNotes.maxValue == Int(OUTRIDER_LOG_MAX_VALUE))
    #expect(HealthCells.maxThreads == Int(OUTRIDER_HEALTH_MAX_THREADS))
    #expect(HealthCells.maxName == Int(OUTRIDER_HEALTH_MAX_NAME))
    #expect(HealthCells.maxReason == Int(OUTRIDER_HEALTH_MAX_REASON))
  }

  @Test(arguments: [
    "1979-05-27x", "1979-05-27T", "1979-05-27T07", "1979-05-27T07:3", "07:32:0", "07:32:00+", "07:32:00+01",
    "07:32:00Zx", "", "-", "1979-5-27", "07:32:00+01:000",
  ])
  func noDates(_ text: String) { #expect(ConfigDate(Array(text.utf8)) == nil) }

  @Test func dates() throws {
    let date = try #require(ConfigDate(Array("2026-12-01 23:59:60.1234567891+14:00".utf8))).abi
    #expect((date.year, date.month, date.day) == (2026, 12, 1))
    #expect((date.hour, date.minute, date.second, date.nanosecond) == (23, 59, 60, 123_456_789))
    #expect(date.offset_minutes == 840 && date.parts == 7)
    #expect(try #require(ConfigDate(Array("07:32".utf8))).abi.parts == OUTRIDER_CONFIG_HAS_TIME)
  }
}
