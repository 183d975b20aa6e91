// The notes application of ../notes.md: an async handler, on the worker's loop.

import Outrider

struct Notes: AsyncHandler {
  struct Settings: Decodable {
    let database: String
    let uploads: String
  }

  static let hints: Fields = ["link": "</notes.css>; rel=preload; as=style"]
  static let json: Fields = ["content-type": "application/json"]
  static let events: Fields = ["content-type": "text/event-stream", "cache-control": "no-cache"]

  let database: Database
  let uploads: String

  init(_ host: OutriderHost) throws {
    // Nothing is served there, and the configuration may be empty.
    guard host.purpose != .inspect else {
      database = Database("")
      uploads = ""
      return
    }
    let configuration = try host.configuration
    let settings = try configuration.decode(Settings.self)
    database = Database(configuration.path(settings.database))
    uploads = configuration.path(settings.uploads)
  }

  func workerStart(_ worker: WorkerInfo) throws { try database.open() }
  func workerStop(deadline: UInt64) { database.close() }

  func handle(_ request: AsyncRequest) async throws {
    do {
      try await route(request)
    } catch let error as HTTPError {
      let fields = Fields([(name: "content-type", value: "application/json")] + error.fields)
      try request.respond(error.status, fields, "{\"error\":\(JSON.string(error.reason))}")
    }
  }

  @Loop
  private func route(_ request: AsyncRequest) async throws {
    let (method, path) = (request.method, request.path)
    let isGet = method == "GET" || method == "HEAD"
    switch path {
    case "/notes" where isGet: try list(request)
    case "/notes" where method == "POST": try await add(request)
    case "/notes": throw HTTPError.notAllowed("GET, HEAD, POST")
    case "/events" where method == "GET": try await sendEvents(request)
    case "/events": throw HTTPError.notAllowed("GET")
    default:
      if path.hasPrefix("/upload/") {
        guard method == "PUT" else { throw HTTPError.notAllowed("PUT") }
        return try await receiveUpload(request, String(path.dropFirst("/upload/".count)))
      }
      guard path.hasPrefix("/notes/"), let id = Int64(digits: path.dropFirst("/notes/".count)) else {
        throw HTTPError.notFound
      }
      if isGet { return try get(id, request) }
      guard method == "DELETE" else { throw HTTPError.notAllowed("GET, HEAD, DELETE") }
      guard try database.delete(id) else { throw HTTPError.notFound }
      try request.respond(204)
    }
  }

  @Loop
  private func list(_ request: AsyncRequest) throws {
    try request.earlyHints(Self.hints)
    let notes = try database.list().map(\.json)
    try request.respond(200, Self.json, "[\(notes.joined(separator: ","))]")
  }

  @Loop
  private func add(_ request: AsyncRequest) async throws {
    let body: [UInt8]
    do { body = try await request.readBody(limit: 64 * 1024) } catch let error as OutriderError
      where error.code == .limit
    {
      throw HTTPError(413, "a note has at most 64 KiB")
    }
    guard let text = JSON.member("text", of: body), !text.isEmpty else {
      throw HTTPError(400, "the content is a JSON object with the string \"text\"")
    }
    let note = Note(id: try database.insert(text), text: text)
    let fields: Fields = ["content-type": "application/json", "location": "/notes/\(note.id)"]
    try request.respond(201, fields, note.json)
  }

  @Loop
  private func get(_ id: Int64, _ request: AsyncRequest) throws {
    guard let text = try database.text(id) else { throw HTTPError.notFound }
    let bytes = Array(text.utf8)
    let plain = (name: "content-type", value: "text/plain; charset=utf-8")
    let wanted = request.method == "GET" ? request.field("range") : nil
    switch ByteRange(wanted, of: bytes.count) {
    case .ignored: try request.respond(200, Fields([plain]), bytes)
    case .unsatisfiable:
      throw HTTPError(416, "the note ends before that", [(name: "content-range", value: "bytes */\(bytes.count)")])
    case .part(let part):
      let place = "bytes \(part.lowerBound)-\(part.upperBound - 1)/\(bytes.count)"
      try request.respond(206, Fields([plain, (name: "content-range", value: place)]), Array(bytes[part]))
    }
  }

  @Loop
  private func sendEvents(_ request: AsyncRequest) async throws {
    try await request.start(200, Self.events)
    for number in 0..<5 {
      if number > 0 { try await request.sleep(for: .milliseconds(200)) }
      try await request.write("data: {\"count\":\(try database.count())}\n\n")
    }
    try await request.end()
  }

  @Loop
  private func receiveUpload(_ request: AsyncRequest, _ name: String) async throws {
    guard Upload.isName(name) else { throw HTTPError(400, "no file may have this name") }
    let upload = try Upload(name, in: uploads)
    for try await piece in request.body { try upload.write(piece) }
    try upload.finish()
    try request.respond(201, Self.json, "{\"bytes\":\(upload.count)}")
  }
}

extension Int64 {
  /// nil: it is no decimal number, or too large.
  fileprivate init?(digits: Substring) {
    guard digits.utf8.allSatisfy({ ($0 &- UInt8(ascii: "0")) < 10 }) else { return nil }
    self.init(digits)
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Notes.plugin("notes", version: "1.0") }
