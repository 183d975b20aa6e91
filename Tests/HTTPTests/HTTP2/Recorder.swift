import HTTP

/// A driver that keeps what a session tells it, and answers from a list of bytes.
final class Recorder {
  enum Note: Equatable {
    case field(String, String, inTrailers: Bool)
    case head(ends: Bool)
    case body(String)
    case end(trailers: Bool)
    case answered
    case closed(code: UInt32)
  }

  var notes: [Note] = []
  var opened: [Int32] = []
  var refuses = false
  /// The body of every answer.
  var body: [UInt8] = []
  var isWhole = true
  /// Frames of DATA as they went out.
  var output: [UInt8] = []
  var isFull = false

  func withSession(_ settings: HTTP2Settings = HTTP2Settings(), _ use: (borrowing HTTP2Session) throws -> Void) rethrows
  {
    let table = UnsafeMutablePointer<HTTP2SessionDelegate>.allocate(capacity: 1)
    unsafe table.initialize(to: Recorder.driver)
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    let session = unsafe HTTP2Session(settings, delegate: table, connection: this, memory: SessionMemory())
    try use(session)
  }

  private static func of(_ raw: UnsafeMutableRawPointer) -> Recorder {
    unsafe Unmanaged<Recorder>.fromOpaque(raw).takeUnretainedValue()
  }

  private static var driver: HTTP2SessionDelegate {
    unsafe HTTP2SessionDelegate(
      open: { raw, id in
        let recorder = unsafe Recorder.of(raw)
        recorder.opened.append(id)
        return recorder.refuses ? nil : unsafe raw
      },
      didReceive: { raw, _, event in
        unsafe Recorder.of(raw).note(event.assumingMemoryBound(to: HTTP2Event.self).pointee)
      },
      readableBytes: { raw, _, limit, end in
        let recorder = unsafe Recorder.of(raw)
        let count = min(limit, recorder.body.count)
        let ends = recorder.isWhole && count == recorder.body.count
        unsafe end.pointee = (ends ? HTTP2BodyEnd.stream : .open).rawValue
        return count
      },
      writeFrame: { raw, _, header, length in
        let recorder = unsafe Recorder.of(raw)
        if recorder.isFull { return 0 }
        for index in 0..<9 { recorder.output.append(unsafe header[index]) }
        recorder.output += recorder.body.prefix(length)
        recorder.body.removeFirst(length)
        return 1
      })
  }

  private func note(_ event: HTTP2Event) {
    switch event {
    case .field(let field, let inTrailers):
      notes.append(.field(field.name.escaped(), field.value.escaped(), inTrailers: inTrailers))
    case .head(let ends): notes.append(.head(ends: ends))
    case .body(let bytes): notes.append(.body(bytes.escaped()))
    case .end(let trailers): notes.append(.end(trailers: trailers))
    case .responseEnded: notes.append(.answered)
    case .closed(let code): notes.append(.closed(code: code))
    }
  }
}
