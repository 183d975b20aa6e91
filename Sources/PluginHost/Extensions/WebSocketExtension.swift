import COutrider
import HTTP

/// `outrider.websocket/1`: WebSockets in the event style.
extension Extensions {
  static let websocket = unsafe Extension(
    "outrider.websocket/1",
    outrider_websocket(
      size: 0, reserved: 0,
      accept: { host, exchange, options in
        unsafe EventSending.perform("websocket.accept", host, exchange) { exchange in
          guard let settings = Runtime.current?.record.webSocket else {
            return exchange.refuse(.invalid, because: "websocket.enabled is false")
          }
          guard let options = unsafe options else { return unsafe WebSocketWriter.accept(exchange, nil, settings) }
          let known = unsafe ABI.structure(
            at: UnsafeRawPointer(options), size: Int(options.pointee.size),
            least: OUTRIDER_WEBSOCKET_OPTIONS_SIZE_1_0, outrider_websocket_options.self)
          guard let known = unsafe known else {
            return exchange.refuse(.invalid, because: "size is less than that of the options")
          }
          return unsafe WebSocketWriter.accept(exchange, known, settings)
        }
      },
      text: { host, exchange, bytes in
        unsafe EventSending.perform("websocket.text", host, exchange) {
          unsafe WebSocketWriter.whole($0, bytes, isText: true)
        }
      },
      binary: { host, exchange, bytes in
        unsafe EventSending.perform("websocket.binary", host, exchange) {
          unsafe WebSocketWriter.whole($0, bytes, isText: false)
        }
      },
      close: { host, exchange, code, reason in
        unsafe EventSending.perform("websocket.close", host, exchange) {
          unsafe WebSocketWriter.close($0, code, reason)
        }
      }))
}
