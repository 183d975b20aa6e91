import HTTP
import Platform

/// A response of the metrics listener.
struct AdminResponse {
  let status: UInt32
  var contentType: StaticString = "text/plain; charset=utf-8"
  var content: String

  static func error(_ status: UInt32) -> AdminResponse {
    AdminResponse(status: status, content: "\(status) \(ReasonPhrase.of(status))\n")
  }

  /// The response as bytes; the connection ends after it.
  func bytes(withContent: Bool) -> [UInt8] {
    let content = Array(content.utf8)
    let fields = [
      Field(name: Bytes("Content-Type"), value: Bytes(contentType)),
      Field(name: Bytes("Cache-Control"), value: Bytes("no-store")),
      Field(name: Bytes("X-Content-Type-Options"), value: Bytes("nosniff")),
      Field(
        name: Bytes("Content-Security-Policy"), value: Bytes("default-src 'none'; style-src 'unsafe-inline'")),
    ]
    var date = DateField()
    date.update(Clock.epochSeconds())
    let capacity = 1024
    let head = unsafe fields.withUnsafeBufferPointer { fields in
      unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        guard let base = buffer.baseAddress else { return }
        var writer = unsafe ByteWriter(base: base, capacity: capacity)
        ResponseEncoder.write(
          ResponseEncoder.FinalHead(
            status: status, fields: unsafe Fields(base: fields.baseAddress, count: fields.count),
            framing: .length(Int64(content.count)), verdict: FieldValidation.Verdict(), connection: .close),
          date: date, to: &writer)
        count = writer.count
      }
    }
    return withContent ? head + content : head
  }
}

extension Supervisor {
  /// Serves the metrics listener.
  mutating func respond(to request: AdminRequest) -> [UInt8] {
    switch request {
    case .refused(let refusal): return AdminResponse.error(refusal.status).bytes(withContent: true)
    case .methodNotAllowed: return AdminResponse.error(405).bytes(withContent: true)
    case .get(let path, let isHead): return response(at: path).bytes(withContent: !isHead)
    }
  }

  private mutating func response(at path: String) -> AdminResponse {
    switch path {
    case "/metrics":
      return AdminResponse(status: 200, contentType: PrometheusText.contentType, content: MetricsText.make(&state))
    case "/status":
      return AdminResponse(status: 200, contentType: StatusPage.contentType, content: StatusPage.make(state))
    case "/healthz": return AdminResponse(status: 200, content: "ok\n")
    case "/readyz":
      if state.isEnding { return AdminResponse(status: 503, content: "stopping\n") }
      guard state.isReady else { return AdminResponse(status: 503, content: "no worker is ready\n") }
      guard let reason = state.unreadyPlugin else { return AdminResponse(status: 200, content: "ready\n") }
      return AdminResponse(status: 503, content: "\(reason)\n")
    default: return .error(404)
    }
  }
}

extension ServiceState {
  /// Whether a worker accepts connections.
  var isReady: Bool { drainAt == .max && !readyWorkers.isEmpty }

  private var readyWorkers: [Int] {
    accepting?.workers.filter { $0.state == .ready }.map(\.slot) ?? []
  }

  /// Why the service is not ready, if every worker that accepts connections has a plugin that is not ready; else nil.
  /// Uses the last reports of plugins, which are in the scoreboard, and waits for none.
  var unreadyPlugin: String? {
    guard let scoreboard = accepting?.scoreboard else { return nil }
    var reason: String?
    for slot in readyWorkers where slot < scoreboard.board.layout.slots {
      guard let (plugin, words) = scoreboard.board.slot(slot).health.unready else { return nil }
      let text = PrintableText.escaped(String(decoding: words, as: UTF8.self))
      reason =
        reason ?? "plugin \(scoreboard.board.pluginName(plugin)) is not ready" + (text.isEmpty ? "" : ": \(text)")
    }
    return reason
  }
}
