import COutrider
import HTTP
import Memory

extension Exchange {
  /// [loop] Notes that the request is a valid handshake, which the plugin may accept.
  package func setWebSocketHandshake() { unsafe record.head.flags |= OUTRIDER_HEAD_WEBSOCKET }

  var isWebSocketHandshake: Bool { unsafe record.head.flags & OUTRIDER_HEAD_WEBSOCKET != 0 }

  /// Whether the client offers the subprotocol (RFC 6455 section 4.1).
  func offers(subprotocol: Bytes) -> Bool {
    let fields = requestFields
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("sec-websocket-protocol") {
      if WebSocketHandshake.offers(fields[index].value, subprotocol) { return true }
    }
    return false
  }

  /// What of permessage-deflate the client and the server agree on; nil for none.
  func negotiate(_ wanted: WebSocketCompression) -> WebSocketCompression? {
    let fields = requestFields
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("sec-websocket-extensions") {
      if case .accepted(let agreed) = WebSocketCompression.negotiate(fields[index].value, wanted: wanted) {
        return agreed
      }
    }
    return nil
  }

  /// The key of the handshake; empty over HTTP/2, which has none.
  var webSocketKey: Bytes { WebSocketHandshake.value(of: "sec-websocket-key", requestFields) ?? .empty }

  private var requestFields: Fields { unsafe Fields(record.head.fields, Int(record.head.n_fields)) ?? .none }

  /// The open WebSocket, once the plugin has accepted it.
  package var openWebSocket: WebSocket? {
    record.isWebSocket.load(ordering: .acquiring) ? record.webSocket : nil
  }

  /// [loop] The WebSocket is over.
  @inline(never)
  func removeWebSocket() {
    let code = record.webSocket?.firstCode ?? UInt32(WebSocketCloseCode.abnormal)
    Runtime.current?.record.slot.webSockets.addClose(code)
    record.isWebSocket.store(false, ordering: .relaxed)
    record.webSocket = nil
  }

  /// [loop] Delivers a message, or a part of one. The bytes are valid until this returns.
  package func deliverMessage(_ bytes: Bytes, isText: Bool, more: Bool) {
    HostileMemory.lend(bytes) { bytes in
      var event = unsafe outrider_body_event()
      unsafe event.size = UInt32(MemoryLayout<outrider_body_event>.size)
      unsafe event.type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE
      unsafe event.bytes = bytes.abi
      unsafe event.more = more ? 1 : 0
      unsafe event.flags = isText ? OUTRIDER_WEBSOCKET_TEXT : 0
      unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
    }
  }

  /// [loop] Delivers the end of the WebSocket.
  package func deliverClose(_ code: UInt32, _ reason: Bytes, byHost: Bool) {
    HostileMemory.lend(reason) { reason in
      var event = unsafe outrider_websocket_close_event()
      unsafe event.size = UInt32(MemoryLayout<outrider_websocket_close_event>.size)
      unsafe event.type = OUTRIDER_EVENT_WEBSOCKET_CLOSE
      unsafe event.code = code
      unsafe event.by_host = byHost ? 1 : 0
      unsafe event.reason = reason.abi
      unsafe withUnsafePointer(to: event) { unsafe deliver(UnsafeRawPointer($0)) }
    }
  }
}
