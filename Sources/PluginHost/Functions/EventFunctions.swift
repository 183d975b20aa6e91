import COutrider

/// `outrider_host.send_start` and the other functions that take an event's content as arguments. The host copies what
/// it can't send within the call.
enum EventFunctions {
  typealias Host = UnsafePointer<outrider_host>?
  typealias Fields = UnsafePointer<outrider_field>?

  static func informational(
    _ host: Host, _ handle: outrider_exchange, _ status: UInt32, _ fields: Fields, _ count: Int
  ) -> outrider_status {
    unsafe EventSending.perform("send_informational", host, handle) {
      unsafe ResponseWriter.informational($0, status, fields, count)
    }
  }

  static func start(
    _ host: Host, _ handle: outrider_exchange, _ status: UInt32, _ fields: Fields, _ count: Int, _ flags: UInt32
  ) -> outrider_status {
    unsafe EventSending.perform("send_start", host, handle) {
      unsafe ResponseWriter.head(
        $0, status, fields, count, whole: nil, trailersFollow: flags & OUTRIDER_TRAILERS_FOLLOW != 0)
    }
  }

  static func body(
    _ host: Host, _ handle: outrider_exchange, _ bytes: outrider_bytes, _ more: UInt32
  ) -> outrider_status {
    unsafe EventSending.perform("send_body", host, handle) {
      unsafe EventSending.body($0, bytes, more: more, lease: .call, tag: 0)
    }
  }

  static func trailers(
    _ host: Host, _ handle: outrider_exchange, _ fields: Fields, _ count: Int
  ) -> outrider_status {
    unsafe EventSending.perform("send_trailers", host, handle) {
      unsafe ResponseWriter.trailers($0, fields, count)
    }
  }

  static func response(
    _ host: Host, _ handle: outrider_exchange, _ status: UInt32, _ fields: Fields, _ count: Int,
    _ body: outrider_bytes
  ) -> outrider_status {
    unsafe EventSending.perform("send_response", host, handle) {
      unsafe EventSending.whole($0, status, fields, count, body, lease: .call, tag: 0)
    }
  }

  static func abort(_ host: Host, _ handle: outrider_exchange, _ reason: outrider_status) -> outrider_status {
    unsafe EventSending.perform("send_abort", host, handle) { EventSending.abort($0, reason) }
  }
}
