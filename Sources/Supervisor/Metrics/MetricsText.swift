import HTTP
import Platform

/// All that /metrics tells.
enum MetricsText {
  static func make(_ state: ServiceState) -> String {
    var text = PrometheusText()
    let totals = state.totals
    service(state, &text)
    requests(totals, state.present, &text)
    connections(totals, state.present, &text)
    hints(totals, &text)
    workers(totals, state, &text)
    return text.text
  }

  private static func service(_ state: ServiceState, _ text: inout PrometheusText) {
    text.begin("outrider_generation", .gauge, "The generation that serves; 0 while none does.")
    text.sample([], state.serving?.number ?? 0)
    text.begin("outrider_reloads_total", .counter, "Reloads that have come to their end.")
    text.sample([("result", "success")], state.reloads.succeeded)
    text.sample([("result", "failure")], state.reloads.failed)
    text.begin("outrider_master_restarts_total", .counter, "Masters that had to be started again.")
    for cause in ServiceState.Restarts.Cause.allCases {
      text.sample([("cause", cause.name)], state.restarts[cause])
    }
  }

  private static func requests(_ totals: Totals, _ present: Present, _ text: inout PrometheusText) {
    text.begin(
      "outrider_requests_total", .counter,
      "Requests that have ended, each once, by the class of the response's status; without a plugin where none was found."
    )
    for plugin in totals.plugins + [totals.unassigned] {
      for (method, methodName) in PluginCells.methods.enumerated() {
        for (answer, className) in PluginCells.classes.enumerated() {
          let count = plugin.count(method: method, class: answer)
          if count == 0 { continue }
          text.sample([("plugin", plugin.name), ("method", "\(methodName)"), ("class", "\(className)")], count)
        }
      }
    }
    text.begin("outrider_request_outcomes_total", .counter, "Requests that have ended, each once, by how.")
    for outcome in RequestOutcome.allCases {
      text.sample([("outcome", "\(outcome.name)")], totals.count(outcome))
    }
    text.begin("outrider_requests_in_flight", .gauge, "Requests that have begun and not ended.")
    text.sample([], present.requestsInFlight)
    text.begin(
      "outrider_request_duration_seconds", .histogram, "From a request's complete head to the end of its answer.")
    for plugin in totals.plugins {
      text.histogram([("plugin", plugin.name)], plugin.durations, bound: Histogram.bound)
    }
    text.begin("outrider_queue_seconds", .histogram, "What requests have waited for a thread of a worker.")
    text.histogram([], totals.queueTime, bound: Histogram.bound)
    text.begin(
      "outrider_refusals_total", .counter,
      "Why the server itself has responded, or ended a connection or stream, by the reason.")
    for refusal in Refusal.allCases {
      text.sample([("reason", refusal.metricsName), ("status", "\(refusal.status)")], totals.count(refusal))
    }
    if totals.otherRefusals > 0 { text.sample([("reason", "other"), ("status", "")], totals.otherRefusals) }
  }

  private static func connections(_ totals: Totals, _ present: Present, _ text: inout PrometheusText) {
    text.begin("outrider_connections_total", .counter, "Connections that workers have accepted.")
    text.sample([], totals.count(.connections))
    text.begin("outrider_connections_open", .gauge, "Connections that are open.")
    text.sample([], present.connections)
    text.begin("outrider_received_bytes_total", .counter, "Bytes that clients have sent, without those of TLS.")
    text.sample([], totals.count(.bytesReceived))
    text.begin("outrider_sent_bytes_total", .counter, "Bytes that clients were sent, without those of TLS.")
    text.sample([], totals.count(.bytesSent))
    text.begin(
      "outrider_spooled_bytes_total", .counter,
      "Bytes of responses that went to a file, since clients did not take them.")
    text.sample([], totals.count(.bytesSpooled))
    text.begin("outrider_accept_pauses_total", .counter, "Times that a worker stopped accepting for want of room.")
    text.sample([], totals.count(.acceptPauses))
    text.begin(
      "outrider_idle_connections_closed_total", .counter,
      "Idle connections that were closed since a worker had room for no more.")
    text.sample([], totals.count(.idleClosed))
    text.begin("outrider_access_lines_lost_total", .counter, "Lines of the access log that it did not take.")
    text.sample([], totals.count(.accessLinesLost))
    text.begin(
      "outrider_log_lines_lost_total", .counter, "Lines of workers for which standard error had no room.")
    text.sample([], totals.count(.logLinesLost))
  }

  private static func hints(_ totals: Totals, _ text: inout PrometheusText) {
    text.begin("outrider_hints_total", .counter, "103 responses that plugins have called for.")
    text.sample([("result", "sent")], totals.count(.hintsSent))
    text.sample([("result", "skipped")], totals.count(.hintsSkipped))
    text.sample([("result", "refused")], totals.count(.hintsRefused))
    text.begin("outrider_hint_lead_seconds", .histogram, "From a request's first 103 to its final response.")
    text.histogram([], totals.hintLead, bound: Histogram.bound)
  }

  private static func workers(_ totals: Totals, _ state: ServiceState, _ text: inout PrometheusText) {
    text.begin("outrider_workers", .gauge, "Worker processes, by their state.")
    for kind in WorkerNotice.State.allCases where kind != .gone {
      let count = state.generations.reduce(0) { $0 + $1.workers.count { $0.state == kind } }
      text.sample([("state", kind.rawValue)], count)
    }
    text.begin("outrider_worker_restarts_total", .counter, "Workers that were, or are to be, replaced.")
    for cause in RestartCause.allCases {
      text.sample([("cause", MetricsName.snake("\(cause)"))], totals.count(cause))
    }
    text.begin("outrider_plugin_misuses_total", .counter, "Calls of plugins that broke the rules of the ABI.")
    text.sample([], totals.count(.misuses))
  }
}

/// Names of cases as labels have them.
enum MetricsName {
  /// `headTooLarge` is `head_too_large`, `plainHTTPOverTLS` `plain_http_over_tls`.
  static func snake(_ name: String) -> String {
    let letters = Array(name.utf8)
    func isCapital(_ index: Int) -> Bool { letters.indices.contains(index) && (0x41...0x5A).contains(letters[index]) }
    var result: [UInt8] = []
    for (index, letter) in letters.enumerated() {
      // A word begins after a small letter, and before the small letter that follows capitals.
      let endsCapitals = index + 1 < letters.count && (0x61...0x7A).contains(letters[index + 1])
      if isCapital(index), index > 0, !isCapital(index - 1) || endsCapitals { result.append(UInt8(ascii: "_")) }
      result.append(isCapital(index) ? letter | 0x20 : letter)
    }
    return String(decoding: result, as: UTF8.self)
  }
}

extension Refusal {
  var metricsName: String { MetricsName.snake("\(self)") }
}
