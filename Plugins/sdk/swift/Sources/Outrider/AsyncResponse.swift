import COutriderPlugin

extension AsyncRequest {
  /// Sends 103 (Early Hints, RFC 8297) at once.
  @discardableResult
  public func earlyHints(_ fields: Fields) throws(OutriderError) -> Acceptance { try exchange.earlyHints(fields) }

  /// Sends an informational response (RFC 9110 section 15.2) at once; the status is 102 to 199.
  @discardableResult
  public func informational(_ status: Int, _ fields: Fields) throws(OutriderError) -> Acceptance {
    try exchange.informational(status, fields)
  }

  /// Sends a complete response. What there is no room for yet is sent when there is, also after `handle` has returned.
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: String = "") throws(OutriderError) {
    var body = body
    let response = body.withUTF8 { utf8 in unsafe respondAtOnce(status, fields, utf8) }
    if response != OUTRIDER_OK { try keep(status, fields, Array(body.utf8), refused: response) }
  }

  /// The same, for bytes.
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: [UInt8]) throws(OutriderError) {
    let response = unsafe body.withUnsafeBufferPointer { unsafe respondAtOnce(status, fields, $0) }
    if response != OUTRIDER_OK { try keep(status, fields, body, refused: response) }
  }

  /// OUTRIDER_OK: the response is complete. Otherwise the refusal, which a larger body gets without being tried.
  private func respondAtOnce(
    _ status: Int, _ fields: Fields, _ body: UnsafeBufferPointer<UInt8>
  ) -> outrider_status {
    guard body.count <= LoopExecutor.shared.outputLimit else { return OUTRIDER_E_LIMIT }
    let result = unsafe exchange.respond(status, fields, outrider_bytes(body))
    guard result >= OUTRIDER_OK else { return result }
    unsafe state.progress = .complete
    return OUTRIDER_OK
  }

  /// Keeps a response for which the queue has no room now, or never as a whole.
  private func keep(
    _ status: Int, _ fields: Fields, _ body: [UInt8], refused result: outrider_status
  ) throws(OutriderError) {
    let canWait = result == OUTRIDER_E_AGAIN || result == OUTRIDER_E_LIMIT
    guard canWait, unsafe state.kept == nil && state.progress == .nothing else {
      throw OutriderError(.init(rawValue: result), in: "respond")
    }
    unsafe state.kept = Response(status: status, fields: fields, body: body)
  }

  /// Sends what was kept, in parts.
  private func send(_ response: Response) async throws {
    try await start(response.status, response.fields.adding("content-length", "\(response.body.count)"))
    try await write(response.body)
    try await end()
  }

  /// Sends the head of a response whose body follows, at once. With a content-length field, exactly that many bytes must be
  /// written. `trailersFollow` is for `end(trailers:)`.
  public func start(_ status: Int, _ fields: Fields = .none, trailersFollow: Bool = false) async throws {
    try await sendInRoom("start") {
      unsafe fields.pass {
        let flags = trailersFollow ? OUTRIDER_TRAILERS_FOLLOW : 0
        let table = unsafe host.table
        return unsafe table.pointee.send_start(table, exchange.id, UInt32(truncatingIfNeeded: status), $0, $1, flags)
      }
    }
    unsafe state.progress = trailersFollow ? .startedWithTrailers : .started
  }

  /// Sends a part of the body. It waits for room before it sends, in pieces if the part is larger than the queue.
  public func write(_ part: String) async throws { try await write(Array(part.utf8)) }

  /// Sends a part of the body. It waits for room before it sends, in pieces if the part is larger than the queue.
  public func write(_ part: [UInt8]) async throws {
    var start = 0
    while start < part.count {
      let end = min(part.count, start + min(64 * 1024, LoopExecutor.shared.outputLimit))
      try await sendInRoom("write") {
        unsafe part.withUnsafeBufferPointer {
          unsafe exchange.write(outrider_bytes(UnsafeBufferPointer(rebasing: $0[start..<end])), false)
        }
      }
      start = end
    }
  }

  /// Sends `length` bytes of a regular file, from `offset` on, as a part of the body, and returns when the host needs the
  /// descriptor no more. If the file is too short, the response is cut off.
  public func sendFile(_ descriptor: Int32, from offset: Int = 0, length: Int) async throws {
    guard offset >= 0, length >= 0 else { throw OutriderError(.invalid, in: "sendFile") }
    let use = FileUse()
    try await sendInRoom("sendFile") {
      var event = unsafe outrider_file_event(descriptor, UInt64(offset), UInt64(length), false)
      unsafe event.release = endFileUse
      unsafe event.context = Unmanaged.passRetained(use).toOpaque()
      let result = unsafe exchange.send(&event)
      if result < OUTRIDER_OK { unsafe Unmanaged.passUnretained(use).release() }
      return result
    }
    if !use.hasEnded { await use.waiter.wait() }
    if let end = unsafe state.end { throw OutriderError(end, in: "sendFile") }
  }

  /// Ends the response.
  public func end() async throws {
    if unsafe state.progress == .startedWithTrailers { return try await end(trailers: .none) }
    try await sendInRoom("end") { unsafe exchange.write(outrider_bytes(), true) }
    unsafe state.progress = .complete
  }

  /// Ends a response that was started with `trailersFollow`. Trailers are skipped where the client does not accept them.
  public func end(trailers: Fields) async throws {
    try await sendInRoom("end") { unsafe exchange.write(outrider_bytes(), true) }
    try await sendInRoom("end") {
      unsafe trailers.pass { unsafe host.table.pointee.send_trailers(host.table, exchange.id, $0, $1) }
    }
    unsafe state.progress = .complete
  }

  /// Sends when there is room, and again while the host has accepted nothing.
  func sendInRoom(_ call: StaticString, _ send: () -> outrider_status) async throws {
    while true {
      if unsafe !state.hasRoom { try await waitForRoom() }
      let result = send()
      if result == OUTRIDER_PAUSE || result == OUTRIDER_E_AGAIN { unsafe state.hasRoom = false }
      if result != OUTRIDER_E_AGAIN {
        try Acceptance(result, of: call)
        return
      }
    }
  }

  private func waitForRoom() async throws {
    while unsafe !state.hasRoom {
      try check("write")
      let waiter = unsafe state.room ?? Waiter()
      unsafe state.room = waiter
      await waiter.waitOrCancel()
    }
    try check("write")
  }
}

/// A response that waits for room.
struct Response {
  let status: Int
  let fields: Fields
  let body: [UInt8]
}

/// A file that the host sends: the loop's.
private final class FileUse {
  var hasEnded = false
  let waiter = Waiter()
}

private func endFileUse(_ context: UnsafeMutableRawPointer?) {
  let use = unsafe Unmanaged<FileUse>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue()
  LoopExecutor.shared.run {
    use.hasEnded = true
    use.waiter.resume()
  }
}

// MARK: Logs

extension AsyncRequest {
  /// Writes a line to the error log, with the plugin's name and the request's id.
  public nonisolated func log(_ level: LogLevel, _ message: String) { exchange.log(level, message) }

  /// Notes a value of the request, which both logs show; an empty value takes the note away.
  public nonisolated func note(_ key: String, _ value: String) throws(OutriderError) { try exchange.note(key, value) }
}

// MARK: The end of the handler

extension AsyncRequest {
  /// Whether the response is complete, so that `complete` has nothing to do.
  var isComplete: Bool { unsafe state.progress == .complete }

  /// Ends what the handler has left open.
  func complete() async throws {
    if let response = unsafe state.kept {
      unsafe state.kept = nil
      return try await send(response)
    }
    switch unsafe state.progress {
    case .complete: return
    case .nothing:
      guard unsafe state.end == nil else { return }
      log(.error, "the handler returned without a response")
      exchange.abort()
    case .started, .startedWithTrailers: try await end()
    case .webSocket: try exchange.closeWebSocket()
    }
  }

  /// Ends the exchange after an error of the handler.
  func fail(_ error: any Error) async {
    let isDrained = error is CancellationError && cancelsOnDrain && isDraining
    if isDrained && (unsafe state.progress == .started || state.progress == .startedWithTrailers) {
      // The body has no other end. Room is waited for no more.
      _ = unsafe exchange.write(outrider_bytes(), true)
      return
    }
    if unsafe state.progress == .webSocket {
      if !isDrained { _ = report(error, host, exchange.id) }
      // A refusal means that the exchange is over.
      if unsafe state.end == nil { try? exchange.closeWebSocket(isDrained ? .serviceRestart : .internalError) }
      return
    }
    let code = isDrained ? OutriderError.Code.cancelled : .init(rawValue: report(error, host, exchange.id))
    // To end what the host has ended would be misuse.
    if unsafe state.progress != .complete && state.end == nil && !exchange.isCancelled { exchange.abort(code) }
  }
}
