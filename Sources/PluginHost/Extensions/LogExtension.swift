import COutrider
import HTTP
import Platform

/// `outrider.log/1`: notes of requests, their traceparents, and levels.
extension Extensions {
  static let log = unsafe Extension(
    "outrider.log/1",
    outrider_log(
      size: 0, reserved: 0,
      enabled: { _, level in HostLog.isEnabled(level) ? 1 : 0 },
      note: { unsafe RequestLogging.note($0, $1, $2, $3) },
      trace: { unsafe RequestLogging.trace($0, $1, $2) }))
}

enum RequestLogging {
  static func note(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ key: UnsafePointer<CChar>?,
    _ value: outrider_bytes
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    let outcome: CallStatus
    if let exchange = runtime.record.exchanges.find(handle) {
      outcome = unsafe note(exchange, handle, key, Bytes(value))
    } else {
      outcome = .closed
    }
    if outcome.isMisuse {
      unsafe runtime.record.misuse.note(
        "log.note", outcome, plugin: HostTable.plugin(host), exchange: handle,
        rule: outcome == .limit ? "a request has at most 16 notes" : outcome == .invalid ? "the key or the value" : nil)
    }
    return outcome.rawValue
  }

  private static func note(
    _ exchange: Exchange, _ handle: outrider_exchange, _ key: UnsafePointer<CChar>?, _ value: Bytes
  ) -> CallStatus {
    if exchange.record.isBlocking && !exchange.isInHandler {
      return exchange.record.handler.load(ordering: .acquiring) != 0 ? .wrongThread : .closed
    }
    guard let key = unsafe key else { return .invalid }
    let bytes = unsafe Bytes(cString: key)
    return exchange.whileOpen(handle) { exchange.note(bytes, value) } ?? .closed
  }

  static func trace(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ trace: UnsafeMutablePointer<outrider_trace>?
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return CallStatus.closed.rawValue }
    guard let trace = unsafe trace, unsafe trace.pointee.size >= OUTRIDER_TRACE_SIZE_1_0 else {
      unsafe runtime.record.misuse.note(
        "log.trace", .invalid, plugin: HostTable.plugin(host), exchange: handle,
        rule: "trace is NULL, or its size is less than that of version 1")
      return CallStatus.invalid.rawValue
    }
    var found = unsafe outrider_trace()
    unsafe found.size = trace.pointee.size
    if let parent = exchange.traceParent {
      unsafe found.present = 1
      unsafe found.version = UInt32(parent.version)
      unsafe found.flags = UInt32(parent.flags)
      unsafe withUnsafeMutableBytes(of: &found.trace_id) { bytes in
        unsafe TraceParent.write(parent.traceID, to: bytes.bindMemory(to: UInt8.self).baseAddress!)
      }
      unsafe withUnsafeMutableBytes(of: &found.parent_id) { bytes in
        unsafe TraceParent.write(parent.parentID, to: bytes.bindMemory(to: UInt8.self).baseAddress!)
      }
      unsafe found.trace_id_text = parent.traceID.abi
      unsafe found.parent_id_text = parent.parentID.abi
    }
    unsafe ABI.fill(trace, size: Int(found.size), with: found)
    return CallStatus.ok.rawValue
  }
}

extension Exchange {
  var traceParent: TraceParent? { TraceParent(of: unsafe Fields(headOf: record.head)) }

  /// The text ` request=… trace=…` and the notes, for lines of the error log. The caller ensures that the exchange does
  /// not end meanwhile.
  package var logDetails: String { " request=\(requestID.escaped())" + traceAndNotes }

  /// The same without the id.
  package var traceAndNotes: String {
    var details = ""
    if let parent = traceParent { details += " trace=\(parent.traceID.escaped())" }
    withNotes { notes in
      notes.forEach(of: handle.id) { key, value in
        let text = value.escaped(limit: RequestNotes.maxValue)
        let isWord = !text.isEmpty && text.utf8.allSatisfy { $0 != 0x20 && $0 != 0x22 }
        details += " \(key.escaped())=\(isWord ? text : "\"\(text.replacing("\"", with: "\\\""))\"")"
      }
    }
    return details
  }

  fileprivate func note(_ key: Bytes, _ value: Bytes) -> CallStatus {
    var outcome = CallStatus.unsupported
    withNotes { notes in
      switch notes.set(key, value, of: handle.id) {
      case .noted: outcome = .ok
      case .invalid: outcome = .invalid
      case .full: outcome = .limit
      }
    }
    return outcome
  }

  private func withNotes(_ body: (borrowing RequestNotes) -> Void) {
    guard let notes = unsafe Runtime.current?.record.notes else { return }
    let address = unsafe notes(record.transportContext).assumingMemoryBound(to: RequestNotes.self)
    unsafe body(address.pointee)
  }
}

extension Fields {
  /// The traceparent in a head as a plugin sees it.
  fileprivate init(headOf head: borrowing outrider_head) {
    unsafe self = Fields(head.fields, head.n_fields) ?? .none
  }
}
