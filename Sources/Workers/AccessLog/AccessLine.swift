import Configuration
import HTTP
import Platform
import PluginHost

/// Writes one line of the access log by its plan.
struct AccessLine: ~Copyable {
  private var writer: ByteWriter
  private let plan: AccessLinePlan
  private var room: Int

  /// - Parameter writer: with room for `AccessLinePlan.lineLength` bytes.
  init(_ writer: consuming ByteWriter, _ plan: AccessLinePlan) {
    self.writer = writer
    self.plan = plan
    room = plan.room
  }

  /// - Returns: the bytes written.
  mutating func write(
    _ record: borrowing AccessRecord, _ response: borrowing ResponseFields, _ notes: borrowing RequestNotes,
    _ time: borrowing LogTime, nanosecond: UInt64
  ) -> Int {
    for index in 0..<plan.count {
      switch plan[index] {
      case .literal(let text): writer.append(text)
      case .atom(.time): append(fixed: time.clf)
      case .atom(.timestamp): append(time, nanosecond)
      case .atom(.notes): append(notes, of: record.exchange)
      case .atom(let atom): append(atom, record)
      case .requestField(let name): append(record.field(name))
      case .responseField(let number): append(response[number])
      case .note(let key): append(note: key, notes, of: record.exchange)
      }
    }
    writer.append(0x0A)
    return writer.count
  }

  private mutating func append(_ atom: AccessAtom, _ record: borrowing AccessRecord) {
    switch atom {
    case .remoteAddress: append(record.remoteAddress)
    case .remotePort: append(number: UInt64(record.remotePort))
    case .remoteLogname: append(.empty)
    case .user: appendUser(record)
    case .requestLine: appendRequestLine(record)
    case .method: append(record.head.method)
    case .path: append(record.head.path)
    case .query: append(record.head.query)
    case .version: append(fixed: record.head.method.isEmpty ? .empty : record.head.version.name)
    case .status: if record.status > 0 { append(number: UInt64(record.status)) } else { appendNothing() }
    case .bodyBytes: append(number: record.bodyBytes)
    case .bodyBytesOrDash: if record.bodyBytes > 0 { append(number: record.bodyBytes) } else { append(.empty) }
    case .referer: append(record.field(Bytes("referer")))
    case .userAgent: append(record.field(Bytes("user-agent")))
    case .seconds: append(number: record.duration / Clock.nanosecondsPerSecond)
    case .milliseconds: append(number: record.duration / Clock.nanosecondsPerMillisecond)
    case .microseconds: append(number: record.duration / 1000)
    case .decimalSeconds: appendSeconds(record.duration)
    case .pid: appendPid()
    case .scheme: append(record.scheme)
    case .host: append(record.host)
    case .requestID: append(record.requestID)
    case .plugin: append(record.plugin)
    case .hints: append(number: UInt64(record.hints))
    case .outcome: append(fixed: Bytes(record.outcome.name))
    case .traceID: append(fixed: TraceParent(of: record.head.fields)?.traceID ?? .empty)
    case .parentID: append(fixed: TraceParent(of: record.head.fields)?.parentID ?? .empty)
    case .time, .timestamp, .notes: break  // written by functions of their own
    }
  }

  // MARK: Values

  /// A value from outside: escaped.
  private mutating func append(_ value: Bytes) {
    if value.isEmpty { return appendNothing() }
    let before = writer.count
    let limit = min(AccessLinePlan.valueLength, AccessLinePlan.atomLength + max(0, room))
    if plan.isJSON { writer.append(json: value, limit: limit) } else { writer.append(escaped: value, limit: limit) }
    room -= max(0, writer.count - before - AccessLinePlan.atomLength)
  }

  /// A short value that needs no escaping.
  private mutating func append(fixed value: Bytes) {
    if value.isEmpty { return appendNothing() }
    if plan.isJSON { writer.append(0x22) }
    writer.append(value)
    if plan.isJSON { writer.append(0x22) }
  }

  private mutating func append(number: UInt64) { writer.append(decimal: number) }

  private mutating func appendNothing() { if plan.isJSON { writer.append("null") } else { writer.append("-") } }

  // MARK: Notes

  private mutating func append(note wanted: Bytes, _ notes: borrowing RequestNotes, of exchange: UInt64) {
    var isThere = false
    notes.forEach(of: exchange) { key, value in
      guard key.equals(wanted) else { return }
      isThere = true
      append(value)
    }
    if !isThere { appendNothing() }
  }

  /// An object, or `key=value` for each note, until there is no room.
  private mutating func append(_ notes: borrowing RequestNotes, of exchange: UInt64) {
    var isFirst = true
    notes.forEach(of: exchange) { key, value in
      let cost = key.count + AccessLinePlan.noteLength + AccessLinePlan.atomLength
      guard room >= cost else { return }
      room -= cost
      if plan.isJSON {
        writer.append(isFirst ? "{\"" : ",\"")
        writer.append(key)
        writer.append("\":")
      } else {
        if !isFirst { writer.append(" ") }
        writer.append(key)
        writer.append("=")
      }
      isFirst = false
      append(value)
    }
    if isFirst { return appendNothing() }
    if plan.isJSON { writer.append("}") }
  }

  // MARK: Compositions

  private mutating func appendUser(_ record: borrowing AccessRecord) {
    let credentials = record.field(Bytes("authorization"))
    if credentials.isEmpty { return appendNothing() }
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: BasicUser.longest) { room in
      append(unsafe BasicUser.read(credentials, into: room.baseAddress.unsafelyUnwrapped))
    }
  }

  private mutating func appendRequestLine(_ record: borrowing AccessRecord) {
    if record.head.method.isEmpty { return appendNothing() }
    writer.append(escaped: record.head.method, limit: AccessLinePlan.atomLength - 12)
    writer.append(" ")
    append(record.head.target)
    writer.append(" ")
    writer.append(record.head.version.name)
  }

  private mutating func append(_ time: borrowing LogTime, _ nanosecond: UInt64) {
    if plan.isJSON { writer.append(0x22) }
    writer.append(time.date)
    appendFraction(nanosecond, digits: 3)
    writer.append(time.zone)
    if plan.isJSON { writer.append(0x22) }
  }

  private mutating func appendSeconds(_ duration: UInt64) {
    writer.append(decimal: duration / Clock.nanosecondsPerSecond)
    appendFraction(duration % Clock.nanosecondsPerSecond, digits: 6)
  }

  private mutating func appendFraction(_ nanosecond: UInt64, digits: Int) {
    writer.append(".")
    var divisor = Clock.nanosecondsPerSecond / 10
    for _ in 0..<digits {
      writer.append(0x30 + UInt8(truncatingIfNeeded: nanosecond / divisor % 10))
      divisor /= 10
    }
  }

  private mutating func appendPid() {
    if !plan.isJSON { writer.append("<") }
    writer.append(decimal: UInt64(Process.id))
    if !plan.isJSON { writer.append(">") }
  }
}

extension HTTPVersion {
  /// The version as a request line spells it.
  fileprivate var name: Bytes {
    switch self {
    case .http10: Bytes("HTTP/1.0")
    case .http11: Bytes("HTTP/1.1")
    case .http2: Bytes("HTTP/2.0")
    }
  }
}
