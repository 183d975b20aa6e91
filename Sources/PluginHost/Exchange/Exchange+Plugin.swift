import COutrider
import HTTP
import Platform

// The calls of the plugin's hooks for one exchange.

extension Exchange {
  /// [request-thread] Runs handle() and completes or gives up the answer. Afterwards the handle's functions refuse.
  ///
  /// - Returns: false if there is no answer, so that the server must give one.
  package func runHandler() -> Bool {
    guard let handle = unsafe record.plugin.record.descriptor.handle else { return false }
    enterHandler()
    let status = unsafe handle(record.plugin.record.state, self.handle, headAddress, BlockingTable.shared)
    defer { leaveHandler() }
    guard record.response.hasHead else { return false }
    // What a deadline has stopped in the middle must not look whole.
    if refusal != nil {
      _ = Answering.abort(self, .cancelled)
    } else if status < 0 {
      _ = Answering.abort(self, .handlerFailed)
    } else {
      Answering.end(self)
    }
    return true
  }

  /// [loop] Runs open(); false if the plugin refuses.
  package func runOpen() -> Bool {
    guard let open = unsafe record.plugin.record.descriptor.open else { return false }
    return unsafe open(record.plugin.record.state, handle, headAddress, &record.instance) >= 0
  }

  /// [loop] The last call.
  package func runClose() {
    unsafe record.plugin.record.descriptor.close?(record.instance)
  }

  /// [loop] Body bytes, which `bytes` shows until this returns.
  package func deliverBody(_ bytes: Bytes, more: Bool, trailersFollow: Bool) {
    HostileMemory.lend(bytes) { deliverBody($0, more, trailersFollow) }
  }

  @inline(__always)
  private func deliverBody(_ bytes: Bytes, _ more: Bool, _ trailersFollow: Bool) {
    var event = unsafe outrider_body_event()
    unsafe event.size = UInt32(MemoryLayout<outrider_body_event>.size)
    unsafe event.type = UInt32(OUTRIDER_EVENT_REQUEST)
    unsafe event.bytes = bytes.abi
    unsafe event.more = more ? 1 : 0
    unsafe event.flags = trailersFollow ? UInt32(OUTRIDER_TRAILERS_FOLLOW) : 0
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  /// [loop] The request's trailer fields.
  package func deliverTrailers(_ fields: Fields) {
    var event = unsafe outrider_head_event()
    unsafe event.size = UInt32(MemoryLayout<outrider_head_event>.size)
    unsafe event.type = UInt32(OUTRIDER_EVENT_REQUEST_TRAILERS)
    unsafe event.fields = fields.abi
    unsafe event.n_fields = fields.count
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  package enum Notice {
    case disconnect(Outcome)
    case draining
    case resume
    case sent(tag: UInt64)
  }

  /// [loop] A notice.
  package func deliver(_ notice: Notice) {
    var event = outrider_notice_event()
    event.size = UInt32(MemoryLayout<outrider_notice_event>.size)
    switch notice {
    case .disconnect(let reason):
      event.type = UInt32(OUTRIDER_EVENT_DISCONNECT)
      event.reason = reason.rawValue
    case .draining: event.type = UInt32(OUTRIDER_EVENT_DRAINING)
    case .resume: event.type = UInt32(OUTRIDER_EVENT_RESUME)
    case .sent(let tag):
      event.type = UInt32(OUTRIDER_EVENT_SENT)
      event.tag = tag
    }
    unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
  }

  private func deliver(_ event: UnsafeRawPointer) {
    unsafe record.plugin.record.descriptor.on_event?(
      record.instance, handle, event.assumingMemoryBound(to: outrider_event.self))
  }

  private var headAddress: UnsafePointer<outrider_head> {
    let record = unsafe address
    return unsafe withUnsafePointer(to: &record.pointee.head) { unsafe $0 }  // records never move
  }
}
