import COutrider
import HTTP
import Memory
import Platform

// Calls of the plugin's hooks for one exchange.

extension Exchange {
  /// [request-thread] Runs handle(), and finishes or aborts the response. Afterwards the functions refuse the handle.
  ///
  /// - Parameter thread: the plugin's state for the calling thread.
  /// - Returns: false if there is no response, so that the server must send one.
  package func runHandler(_ thread: UnsafeMutableRawPointer?) -> Bool {
    guard let handle = unsafe record.plugin.record.descriptor.handle else { return false }
    enterHandler()
    let status = unsafe handle(record.plugin.record.state, thread, self.handle, headAddress, BlockingTable.shared)
    defer { leaveHandler() }
    guard record.response.hasHead else {
      if status == OUTRIDER_E_CANCELLED && refusal == nil { return ResponseWriter.abort(self, .timedOut).isAccepted }
      return false
    }
    // A response that a deadline has interrupted must not look complete.
    if refusal != nil {
      _ = ResponseWriter.abort(self, .cancelled)
    } else if status < 0 {
      _ = ResponseWriter.abort(self, .handlerFailed)
    } else {
      ResponseWriter.finish(self)
    }
    return true
  }

  /// [loop] Runs open(); negative if the plugin refuses.
  package func runOpen() -> outrider_status {
    guard let open = unsafe record.plugin.record.descriptor.open else { return OUTRIDER_E_FAILED }
    return unsafe open(record.plugin.record.state, handle, headAddress, &record.instance)
  }

  /// [loop] Runs close(), the last call.
  package func runClose() {
    unsafe record.plugin.record.descriptor.close?(record.plugin.record.state, record.instance, handle)
  }

  /// [loop] Delivers body bytes, which are valid until this returns.
  package func deliverBody(_ bytes: Bytes, more: Bool, trailersFollow: Bool) {
    HostileMemory.lend(bytes) { deliverBody($0, more, trailersFollow) }
  }

  @inline(__always)
  private func deliverBody(_ bytes: Bytes, _ more: Bool, _ trailersFollow: Bool) {
    var event = unsafe outrider_body_event()
    unsafe event.size = UInt32(MemoryLayout<outrider_body_event>.size)
    unsafe event.type = OUTRIDER_EVENT_REQUEST
    unsafe event.bytes = bytes.abi
    unsafe event.more = more ? 1 : 0
    unsafe event.flags = trailersFollow ? OUTRIDER_TRAILERS_FOLLOW : 0
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  /// [loop] Delivers the request's trailer fields.
  package func deliverTrailers(_ fields: Fields) {
    var event = unsafe outrider_head_event()
    unsafe event.size = UInt32(MemoryLayout<outrider_head_event>.size)
    unsafe event.type = OUTRIDER_EVENT_REQUEST_TRAILERS
    unsafe event.fields = fields.abi
    unsafe event.n_fields = fields.count
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  package enum Notice {
    case disconnect(CallStatus)
    case draining
    case resume
    case sent(tag: UInt64)
  }

  /// [loop] Delivers a notice.
  package func deliver(_ notice: Notice) {
    var event = outrider_notice_event()
    event.size = UInt32(MemoryLayout<outrider_notice_event>.size)
    switch notice {
    case .disconnect(let reason):
      event.type = OUTRIDER_EVENT_DISCONNECT
      event.reason = reason.rawValue
    case .draining: event.type = OUTRIDER_EVENT_DRAINING
    case .resume: event.type = OUTRIDER_EVENT_RESUME
    case .sent(let tag):
      event.type = OUTRIDER_EVENT_SENT
      event.tag = tag
    }
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  func deliver(_ event: UnsafeRawPointer) {
    unsafe record.plugin.record.descriptor.on_event?(
      record.plugin.record.state, record.instance, handle, event.assumingMemoryBound(to: outrider_event.self))
  }

  private var headAddress: UnsafePointer<outrider_head> {
    let record = unsafe address
    return unsafe withUnsafePointer(to: &record.pointee.head) { unsafe $0 }  // records never move
  }
}
