import COutrider
import HTTP
import Platform

/// Writes the handshake's response and the frames of a WebSocket, by the rules of `ResponseWriter`: the caller holds the send
/// lock, and a refused part changes nothing.
package enum WebSocketWriter {
  // MARK: The handshake

  static func accept(_ exchange: Exchange, _ options: outrider_websocket_options?, _ settings: WebSocketSettings)
    -> CallStatus
  {
    if exchange.record.isBlocking { return exchange.refuse(.unsupported, because: "handle() can't have a WebSocket") }
    if let why = exchange.refusal { return why }
    guard exchange.isWebSocketHandshake else {
      return exchange.refuse(.invalid, because: "the request is no valid handshake, or websocket.enabled is false")
    }
    let subprotocol = unsafe options.map { unsafe Bytes($0.subprotocol) } ?? .empty
    guard subprotocol.isWellFormed, subprotocol.isEmpty || exchange.offers(subprotocol: subprotocol) else {
      return exchange.refuse(.invalid, because: "the client does not offer that subprotocol")
    }
    guard let fields = unsafe Fields(options?.fields, options.map { unsafe Int($0.n_fields) } ?? 0) else {
      return exchange.refuse(.invalid, because: "fields is NULL, or has too many")
    }
    let isHTTP2 = unsafe exchange.record.head.http_version == HTTPVersion.http2.rawValue
    let compression = settings.compression.flatMap { exchange.negotiate($0) }
    return WebSocketAcceptance.withFields(
      of: exchange, subprotocol: subprotocol, compression, fields, isHTTP2: isHTTP2
    ) { all, verdict in
      guard let verdict else {
        return exchange.refuse(.invalid, because: "a field is malformed, or belongs to the handshake")
      }
      guard exchange.record.response.takeWebSocket() else {
        return exchange.refuse(.wrongState, because: "a response has begun")
      }
      let parts = unsafe (options?.flags ?? 0) & OUTRIDER_WEBSOCKET_PARTS != 0
      exchange.record.webSocket = WebSocket(settings.limits, deliversParts: parts, settings.timing, compression)
      Runtime.current?.record.slot.webSockets.add(.opened)
      exchange.setDeadline(0)
      exchange.record.bodyDelivered.store(false, ordering: .releasing)
      exchange.record.isWebSocket.store(true, ordering: .releasing)
      return ResponseWriter.perform(
        exchange, .head(status: isHTTP2 ? 200 : 101, fields: all, verdict: verdict, whole: nil))
    }
  }

  // MARK: Frames

  /// A message, or a part of one.
  static func message(
    _ exchange: Exchange, _ bytes: outrider_bytes, isText: Bool, more: Bool, _ lease: Lease, tag: UInt64
  ) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard let socket = exchange.record.webSocket else {
      return exchange.refuse(.wrongState, because: "the WebSocket is not accepted")
    }
    if let why = refusalAfterClose(exchange, socket) { return why }
    guard unsafe Bytes(bytes).isWellFormed else {
      return exchange.refuse(.invalid, because: "bytes is NULL, or its size is negative")
    }
    let length = unsafe Int(bytes.size)
    let opcode: WebSocketOpcode = socket.isInMessage ? .continuation : isText ? .text : .binary
    let header = WebSocketFrame.header(opcode, isFinal: !more, length: length)
    let copied = lease.outlivesCall ? 0 : length
    let (size, overflowed) = copied.addingReportingOverflow(header.count)
    let room = ResponseWriter.reserve(exchange, overflowed ? .max : size)
    guard room.isAccepted else {
      return exchange.refuse(room, because: "\(copied) bytes to be copied, more than limits.output")
    }
    if !more && !socket.isInMessage, let compressor = socket.compressor, compressor.takes(length) {
      return unsafe compressor.compress(Bytes(bytes)) { compressed in
        guard let compressed else { return .failed }
        return counted(sendCompressed(exchange, compressed, opcode, lease, tag), length, more: false)
      }
    }
    socket.isInMessage = more
    let sent = put(exchange, header.bytes, header.count)
    guard sent.isAccepted else { return sent }
    let last = unsafe withUnsafePointer(to: bytes) { chunk in
      let part = unsafe BodyPart(chunks: chunk, count: 1, total: length, lease: lease, tag: tag)
      return ResponseWriter.perform(exchange, .body(part, PartDisposition(dropped: false, ends: false)))
    }
    return counted(last, length, more: more)
  }

  /// Counts a message, or a part of one, if it was accepted.
  @inline(__always)
  private static func counted(_ outcome: CallStatus, _ length: Int, more: Bool) -> CallStatus {
    guard outcome.isAccepted, let cells = Runtime.current?.record.slot.webSockets else { return outcome }
    cells.add(.bytesSent, UInt64(length))
    if !more { cells.add(.messagesSent) }
    return outcome
  }

  /// The plugin's own memory is not needed any more: a mark ends its lease in the order of the messages.
  private static func sendCompressed(
    _ exchange: Exchange, _ compressed: Bytes, _ opcode: WebSocketOpcode, _ lease: Lease, _ tag: UInt64
  ) -> CallStatus {
    let header = WebSocketFrame.header(opcode, isFinal: true, isCompressed: true, length: compressed.count)
    let sent = put(exchange, header.bytes, header.count)
    guard sent.isAccepted else { return sent }
    let last = put(exchange, compressed)
    guard last.isAccepted, lease.outlivesCall || tag != 0 else { return last }
    return unsafe withUnsafePointer(to: Bytes.empty.abi) { chunk in
      let mark = unsafe BodyPart(chunks: chunk, count: 1, total: 0, lease: lease, tag: tag)
      return ResponseWriter.perform(exchange, .body(mark, PartDisposition(dropped: false, ends: false)))
    }
  }

  /// A whole message, whose bytes are copied.
  static func whole(_ exchange: Exchange, _ bytes: outrider_bytes, isText: Bool) -> CallStatus {
    if exchange.record.webSocket?.isInMessage == true {
      return exchange.refuse(.wrongState, because: "a message of several parts is not complete")
    }
    return unsafe message(exchange, bytes, isText: isText, more: false, .call, tag: 0)
  }

  /// A Close of the plugin. The exchange ends when the client has answered it.
  static func close(_ exchange: Exchange, _ code: UInt32, _ reason: outrider_bytes) -> CallStatus {
    if let why = exchange.refusal { return why }
    guard let socket = exchange.record.webSocket else {
      return exchange.refuse(.wrongState, because: "the WebSocket is not accepted")
    }
    if let why = refusalAfterClose(exchange, socket) { return why }
    guard code == 0 || UInt16(exactly: code).map(WebSocketCloseCode.isValid) == true else {
      return exchange.refuse(.invalid, because: "close code \(code) may not be sent (RFC 6455 section 7.4)")
    }
    guard unsafe Bytes(reason).isWellFormed else { return exchange.refuse(.invalid, because: "reason is NULL") }
    socket.noteCloseOfPlugin()
    return unsafe sendClose(exchange, socket, code, Bytes(reason), byHost: false)
  }

  /// A plugin knows of its own Close, and can't know yet of one that the client or the host has sent.
  private static func refusalAfterClose(_ exchange: Exchange, _ socket: WebSocket) -> CallStatus? {
    if !socket.hasSentClose { return nil }
    guard socket.isClosedByPlugin else { return .closed }
    return exchange.refuse(.wrongState, because: "the plugin has closed the WebSocket")
  }

  private static func sendClose(
    _ exchange: Exchange, _ socket: WebSocket, _ code: UInt32, _ reason: Bytes, byHost: Bool
  ) -> CallStatus {
    socket.noteClose(code, byHost: byHost)
    let frame = WebSocketFrame.close(code: code == 0 ? nil : UInt16(truncatingIfNeeded: code), reason: reason)
    let sent = put(exchange, frame)
    return sent.isAccepted ? .ok : sent
  }

  // MARK: Of the host [loop, with the send lock]

  package static func hostClose(_ exchange: Exchange, _ code: UInt16, _ reason: Bytes, byHost: Bool) {
    guard let socket = exchange.record.webSocket, socket.ownCode == nil else { return }
    _ = sendClose(exchange, socket, UInt32(code), reason, byHost: byHost)
  }

  /// A ping or a pong.
  package static func control(_ exchange: Exchange, _ frame: WebSocketControlFrame) {
    if exchange.record.webSocket?.ownCode == nil { _ = put(exchange, frame) }
  }

  /// The WebSocket is over: nothing follows on our side.
  package static func end(_ exchange: Exchange) {
    if exchange.record.response.isComplete { return }
    exchange.record.response.endWebSocket()
    _ = ResponseWriter.perform(exchange, .end)
  }

  private static func put(_ exchange: Exchange, _ frame: WebSocketControlFrame) -> CallStatus {
    frame.withBytes { put(exchange, $0) }
  }

  private static func put(_ exchange: Exchange, _ header: InlineArray<10, UInt8>, _ count: Int) -> CallStatus {
    unsafe header.span.withUnsafeBufferPointer { buffer in
      put(exchange, unsafe Bytes(base: buffer.baseAddress, count: count))
    }
  }

  private static func put(_ exchange: Exchange, _ bytes: Bytes) -> CallStatus {
    unsafe withUnsafePointer(to: bytes.abi) { chunk in
      let part = unsafe BodyPart(chunks: chunk, count: 1, total: bytes.count, lease: .call, tag: 0)
      return ResponseWriter.perform(exchange, .body(part, PartDisposition(dropped: false, ends: false)))
    }
  }
}
