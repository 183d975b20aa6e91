import HTTP
import IPC
import Platform

/// The text of /metrics.
enum MetricsText {
  static func make(_ state: inout ServiceState) -> String {
    var text = PrometheusText()
    let counters = state.shownCounters()
    let gauges = state.gauges
    service(state, &text)
    requests(counters, gauges, &text)
    connections(counters, gauges, &text)
    webSockets(counters, gauges, &text)
    hints(counters, &text)
    workers(counters, state, &text)
    counters.pluginSeries.with(gauges.pluginSeries).show(&text)
    return text.text
  }

  private static func service(_ state: ServiceState, _ text: inout PrometheusText) {
    text.begin("outrider_generation", .gauge, "The number of the serving generation; 0 while none serves.")
    text.sample([], state.accepting?.number ?? 0)
    text.begin("outrider_reloads_total", .counter, "Completed reloads.")
    text.sample([("result", "success")], state.reloads.succeeded)
    text.sample([("result", "failure")], state.reloads.failed)
    text.begin("outrider_master_restarts_total", .counter, "Masters that the supervisor replaced.")
    for cause in ServiceState.Restarts.Cause.allCases {
      text.sample([("cause", cause.name)], state.restarts[cause])
    }
  }

  private static func requests(_ counters: Counters, _ gauges: Gauges, _ text: inout PrometheusText) {
    text.begin(
      "outrider_requests_total", .counter, "Requests that have ended, by the class of the response status."
    )
    for plugin in counters.plugins + [counters.unassigned] {
      for (method, methodName) in PluginCells.methods.enumerated() {
        for (statusClass, className) in PluginCells.classes.enumerated() {
          let count = plugin.count(method: method, class: statusClass)
          if count == 0 { continue }
          text.sample([("plugin", plugin.name), ("method", "\(methodName)"), ("class", "\(className)")], count)
        }
      }
    }
    text.begin(
      "outrider_request_outcomes_total", .counter, "Requests that have ended, by outcome.")
    for outcome in RequestOutcome.allCases {
      text.sample([("outcome", "\(outcome.name)")], counters.count(outcome))
    }
    text.begin("outrider_requests_in_flight", .gauge, "Requests in progress.")
    text.sample([], gauges.requestsInFlight)
    text.begin(
      "outrider_request_duration_seconds", .histogram,
      "Time from the end of the request head to the end of the response.")
    for plugin in counters.plugins {
      text.histogram([("plugin", plugin.name)], plugin.durations, bound: Histogram.bound)
    }
    text.begin("outrider_queue_seconds", .histogram, "Time that requests waited for a worker thread.")
    text.histogram([], counters.queueTime, bound: Histogram.bound)
    text.begin(
      "outrider_refusals_total", .counter, "Requests, streams and connections that the server itself refused or ended.")
    for refusal in Refusal.allCases {
      text.sample([("reason", refusal.metricsName), ("status", "\(refusal.status)")], counters.count(refusal))
    }
    if counters.otherRefusals > 0 { text.sample([("reason", "other"), ("status", "")], counters.otherRefusals) }
  }

  private static func connections(_ counters: Counters, _ gauges: Gauges, _ text: inout PrometheusText) {
    text.begin("outrider_connections_total", .counter, "Accepted connections.")
    text.sample([], counters.count(.connections))
    text.begin("outrider_connections_open", .gauge, "Open connections.")
    text.sample([], gauges.connections)
    text.begin("outrider_received_bytes_total", .counter, "Bytes received from clients, without the overhead of TLS.")
    text.sample([], counters.count(.bytesReceived))
    text.begin("outrider_sent_bytes_total", .counter, "Bytes sent to clients, without the overhead of TLS.")
    text.sample([], counters.count(.bytesSent))
    text.begin(
      "outrider_spooled_bytes_total", .counter,
      "Bytes of responses that were written to a temporary file because the client read too slowly (limits.spool).")
    text.sample([], counters.count(.bytesSpooled))
    text.begin(
      "outrider_accept_pauses_total", .counter,
      "Times that a worker stopped accepting because it had no room for more connections or requests.")
    text.sample([], counters.count(.acceptPauses))
    text.begin(
      "outrider_idle_connections_closed_total", .counter,
      "Idle connections that a full worker closed to make room for new ones (server.worker_connections).")
    text.sample([], counters.count(.idleClosed))
    text.begin(
      "outrider_proxy_fields_ignored_total", .counter,
      "Fields of proxy.fields from trusted proxies that are invalid or contradict other fields.")
    text.sample([], counters.count(.proxyFieldsIgnored))
    text.begin("outrider_access_lines_lost_total", .counter, "Access log lines that could not be written.")
    text.sample([], counters.count(.accessLinesLost))
    text.begin("outrider_log_lines_lost_total", .counter, "Error log lines that workers could not write.")
    text.sample([], counters.count(.logLinesLost))
  }

  private static func webSockets(_ counters: Counters, _ gauges: Gauges, _ text: inout PrometheusText) {
    text.begin("outrider_websockets_open", .gauge, "Open WebSockets.")
    text.sample([], gauges.webSockets)
    text.begin("outrider_websocket_messages_total", .counter, "Messages of WebSockets, by direction.")
    text.sample([("direction", "received")], counters.webSockets(.messagesReceived))
    text.sample([("direction", "sent")], counters.webSockets(.messagesSent))
    text.begin(
      "outrider_websocket_message_bytes_total", .counter,
      "Bytes of the messages of WebSockets, without their frames and before compression.")
    text.sample([("direction", "received")], counters.webSockets(.bytesReceived))
    text.sample([("direction", "sent")], counters.webSockets(.bytesSent))
    text.begin(
      "outrider_websocket_closes_total", .counter, "WebSockets that have ended, by the code of the first Close.")
    for (index, code) in WebSocketCells.codes.enumerated() {
      text.sample([("code", "\(code)")], counters.closes(index))
    }
    text.sample([("code", "other")], counters.closes(WebSocketCells.codes.count))
    text.begin(
      "outrider_websocket_pings_missed_total", .counter,
      "Pings that clients did not answer within websocket.ping_timeout.")
    text.sample([], counters.webSockets(.pingsMissed))
  }

  private static func hints(_ counters: Counters, _ text: inout PrometheusText) {
    text.begin("outrider_hints_total", .counter, "103 responses that plugins tried to send.")
    text.sample([("result", "sent")], counters.count(.hintsSent))
    text.sample([("result", "skipped")], counters.count(.hintsSkipped))
    text.sample([("result", "refused")], counters.count(.hintsRefused))
    text.begin("outrider_hint_lead_seconds", .histogram, "Time from the first 103 of a request to its final response.")
    text.histogram([], counters.hintLead, bound: Histogram.bound)
  }

  private static func workers(_ counters: Counters, _ state: ServiceState, _ text: inout PrometheusText) {
    text.begin("outrider_workers", .gauge, "Worker processes of all generations.")
    for kind in WorkerStatus.State.allCases where kind != .gone {
      let count = state.generations.reduce(0) { $0 + $1.workers.count { $0.state == kind } }
      text.sample([("state", kind.rawValue)], count)
    }
    text.begin(
      "outrider_orphaned_workers", .gauge,
      "Workers that still serve after their master died, because no other master could start.")
    text.sample([], state.orphaned?.orphans ?? 0)
    text.begin("outrider_worker_restarts_total", .counter, "Workers that have been or will be replaced.")
    for cause in RestartCause.allCases {
      text.sample([("cause", MetricsName.snake("\(cause)"))], counters.count(cause))
    }
    text.begin(
      "outrider_plugin_paused", .gauge,
      "1 while requests to a plugin get 503 because it has crashed plugin.max_fails workers, otherwise 0.")
    let now = Clock.monotonic()
    for (index, plugin) in (state.accepting?.plugins ?? []).enumerated() {
      text.sample([("plugin", plugin.name)], state.accepting?.pauseLeft(index, at: now) == nil ? 0 : 1)
    }
    text.begin(
      "outrider_plugin_misuses_total", .counter, "Plugin calls that broke a rule of the ABI (outrider-plugin(7)).")
    text.sample([], counters.count(.misuses))
    text.begin(
      "outrider_plugin_watches_refused_total", .counter,
      "Descriptors that plugins could not watch because the worker watched as many as it can.")
    text.sample([], counters.count(.watchesRefused))
    text.begin(
      "outrider_store_evictions_total", .counter,
      "Entries of the store that were evicted before their time to make room for others.")
    text.sample([], counters.count(.storeEvictions))
    text.begin(
      "outrider_store_refusals_total", .counter,
      "Values that the store had no room for because nothing in their part of it could be evicted.")
    text.sample([], counters.count(.storeRefusals))
  }
}

/// Names of cases in the form of labels.
enum MetricsName {
  /// `headTooLarge` is `head_too_large`, `plainHTTPOverTLS` `plain_http_over_tls`.
  static func snake(_ name: String) -> String {
    let letters = Array(name.utf8)
    func isCapital(_ index: Int) -> Bool { letters.indices.contains(index) && (0x41...0x5A).contains(letters[index]) }
    var result: [UInt8] = []
    for (index, letter) in letters.enumerated() {
      // A word begins after a lower-case letter, and at the last of several capitals before a lower-case letter.
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
