import COutriderPlugin

// A WebSocket in event style. A message is an `Event.text` or `Event.binary`, one for each that `receive` allows;
// `Event.closed` says how it ends.
extension Exchange {
  /// Accepts the handshake of a WebSocket (RFC 6455), in `open` or later, with one of the subprotocols that the client offers, and
  /// further fields. Throws `.invalid` if the request is no handshake (`Head.isWebSocket`), the client does not offer the
  /// subprotocol, or a field is malformed; `.unsupported` if this host has no outrider.websocket/1.
  public func accept(subprotocol: String = "", _ fields: Fields = .none) throws(OutriderError) {
    let functions = try unsafe webSocketFunctions()
    let status = unsafe subprotocol.pass { subprotocol in
      unsafe fields.pass { fields, count in
        var options = unsafe outrider_websocket_options()
        unsafe options.size = UInt32(MemoryLayout<outrider_websocket_options>.size)
        unsafe options.subprotocol = subprotocol
        unsafe options.fields = fields
        unsafe options.n_fields = count
        return unsafe functions.pointee.accept(table, id, &options)
      }
    }
    try Acceptance(status, of: "accept")
  }

  /// Sends a text message of any size, which the host copies, or keeps until it is sent. After `.paused`, and after an error that is
  /// `.again`, wait for `Event.resume`; after `.again`, send the same message then.
  @discardableResult
  public func sendText(_ message: String) throws(OutriderError) -> Acceptance {
    var message = message
    return try Acceptance(message.withUTF8 { unsafe sendMessage($0, isText: true) }, of: "sendText")
  }

  /// Sends a binary message likewise.
  @discardableResult
  public func sendBinary(_ message: Span<UInt8>) throws(OutriderError) -> Acceptance {
    let status = unsafe message.withUnsafeBufferPointer { unsafe sendMessage($0, isText: false) }
    return try Acceptance(status, of: "sendBinary")
  }

  private func sendMessage(_ message: UnsafeBufferPointer<UInt8>, isText: Bool) -> outrider_status {
    // The head of a frame takes room, too.
    guard message.count > LoopExecutor.shared.outputLimit / 2 else {
      return unsafe sendMessagePart(outrider_bytes(message), isText: isText, more: false)
    }
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: message.count)
    _ = unsafe copy.initialize(from: message)
    var event = unsafe outrider_body_event(
      message: outrider_bytes(UnsafeBufferPointer(copy)), isText: isText, more: false)
    unsafe event.release = { unsafe $0?.deallocate() }
    unsafe event.context = UnsafeMutableRawPointer(copy.baseAddress)
    let status = unsafe send(event)
    if status < OUTRIDER_OK { unsafe copy.deallocate() }
    return status
  }

  /// Sends a Close; the exchange ends when the client has answered it. A reason is cut at 123 bytes. Throws `.invalid` for a
  /// code that may not be sent.
  public func closeWebSocket(_ code: WebSocketCloseCode = .normal, reason: String = "") throws(OutriderError) {
    let functions = try unsafe webSocketFunctions()
    let status = unsafe reason.pass { unsafe functions.pointee.close(table, id, UInt32(code.rawValue), $0) }
    try Acceptance(status, of: "closeWebSocket")
  }

  /// A part of a message, which the host copies.
  func sendMessagePart(_ part: outrider_bytes, isText: Bool, more: Bool) -> outrider_status {
    unsafe send(outrider_body_event(message: part, isText: isText, more: more))
  }

  private func send(_ event: outrider_body_event) -> outrider_status {
    unsafe withUnsafePointer(to: event) { event in
      unsafe table.pointee.send(table, id, UnsafeRawPointer(event).assumingMemoryBound(to: outrider_event.self))
    }
  }

  /// Ends an exchange whose handler has failed: a WebSocket by a Close with 1011, others by `abort`.
  func end(failed reason: OutriderError.Code) {
    let head = unsafe table.pointee.head(table, id)
    if let head = unsafe head, unsafe head.pointee.flags & OUTRIDER_HEAD_WEBSOCKET != 0,
      (try? closeWebSocket(.internalError)) != nil
    {
      return
    }
    abort(reason)
  }

  private func webSocketFunctions() throws(OutriderError) -> UnsafePointer<outrider_websocket> {
    guard let functions: UnsafePointer<outrider_websocket> = unsafe host.find(OUTRIDER_WEBSOCKET) else {
      throw OutriderError(.unsupported, in: "outrider.websocket/1")
    }
    return unsafe functions
  }
}

extension outrider_body_event {
  fileprivate init(message: outrider_bytes, isText: Bool, more: Bool) {
    unsafe self.init()
    unsafe size = UInt32(MemoryLayout<Self>.size)
    unsafe type = OUTRIDER_EVENT_WEBSOCKET_MESSAGE
    unsafe bytes = message
    unsafe self.more = more ? 1 : 0
    unsafe flags = isText ? OUTRIDER_WEBSOCKET_TEXT : 0
  }
}
