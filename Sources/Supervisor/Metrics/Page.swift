import HTTP
import Platform

/// An answer of the metrics listener.
struct Page {
  let status: UInt32
  var contentType: StaticString = "text/plain; charset=utf-8"
  var body: String

  static func error(_ status: UInt32) -> Page { Page(status: status, body: "\(status) \(ReasonPhrase.of(status))\n") }

  /// The whole response, after which the connection ends.
  func response(withBody: Bool) -> [UInt8] {
    let body = Array(body.utf8)
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
            framing: .length(Int64(body.count)), verdict: FieldValidation.Verdict(), connection: .close),
          date: date, to: &writer)
        count = writer.count
      }
    }
    return withBody ? head + body : head
  }
}

extension Supervisor {
  /// What the metrics listener answers.
  func page(_ request: PageRequest) -> [UInt8] {
    switch request {
    case .refused(let refusal): return Page.error(refusal.status).response(withBody: true)
    case .other: return Page.error(405).response(withBody: true)
    case .get(let path, let isHead): return page(at: path).response(withBody: !isHead)
    }
  }

  private func page(at path: String) -> Page {
    switch path {
    case "/metrics":
      return Page(status: 200, contentType: PrometheusText.contentType, body: MetricsText.make(state))
    case "/status": return Page(status: 200, contentType: StatusPage.contentType, body: StatusPage.make(state))
    case "/healthz": return Page(status: 200, body: "ok\n")
    case "/readyz":
      if aim != .serve { return Page(status: 503, body: "stopping\n") }
      return state.isReady ? Page(status: 200, body: "ready\n") : Page(status: 503, body: "no worker is ready\n")
    default: return .error(404)
    }
  }
}

extension ServiceState {
  /// Whether a worker takes new clients.
  var isReady: Bool { serving?.workers.contains { $0.state == .ready } ?? false }
}
