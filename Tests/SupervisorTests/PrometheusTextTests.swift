import Platform
import Testing

@testable import Supervisor

/// Prometheus' text format; the integration tests have its own parser read it.
@Suite struct PrometheusTextTests {
  @Test func samplesFollowTheirMetric() {
    var text = PrometheusText()
    text.begin("a_total", .counter, "Counts.")
    text.sample([], 7)
    text.sample([("x", "1"), ("y", "2")], UInt64.max)
    let lines = [
      "# HELP a_total Counts.", "# TYPE a_total counter", "a_total 7", "a_total{x=\"1\",y=\"2\"} 18446744073709551615",
    ]
    #expect(text.text == lines.joined(separator: "\n") + "\n")
  }

  @Test func valuesOfLabelsAreEscaped() {
    var text = PrometheusText()
    text.begin("a", .gauge, "A.")
    text.sample([("name", "\"\\\n\u{E4}")], 1)
    #expect(text.text.hasSuffix("\na{name=\"\\\"\\\\\\n\u{E4}\"} 1\n"))
  }

  @Test func bucketsOfAHistogramAddUp() {
    var times = Counters.Histogram()
    times.buckets = times.buckets.indices.map { $0 < 2 ? 3 : 0 }
    times.sum = 1_500_000_000
    var text = PrometheusText()
    text.begin("t", .histogram, "T.")
    text.histogram([("p", "q")], times, bound: { $0 == times.buckets.count - 1 ? nil : UInt64($0 + 1) * 1_000_000 })
    let lines = text.text.split(separator: "\n").dropFirst(2)
    #expect(lines.first == "t_bucket{p=\"q\",le=\"0.001\"} 3")
    #expect(lines.dropFirst().first == "t_bucket{p=\"q\",le=\"0.002\"} 6")
    #expect(lines.suffix(3) == ["t_bucket{p=\"q\",le=\"+Inf\"} 6", "t_sum{p=\"q\"} 1.5", "t_count{p=\"q\"} 6"])
  }

  @Test(arguments: [
    (0, "0"), (1, "0.000000001"), (1_000_000_000, "1"), (1_050_000_000, "1.05"),
    (UInt64.max, "18446744073.709551615"),
  ])
  func secondsAreExact(nanoseconds: UInt64, text: String) { #expect(PrometheusText.seconds(nanoseconds) == text) }

  @Test(arguments: [
    ("headTooLarge", "head_too_large"), ("plainHTTPOverTLS", "plain_http_over_tls"), ("crashed", "crashed"), ("", ""),
  ])
  func namesOfCases(name: String, label: String) { #expect(MetricsName.snake(name) == label) }
}
