public import COutriderPlugin

/// One request and its response in event style: a handle that may be copied, kept, and used on every thread of the worker.
/// Once the exchange is over, each call throws `.closed`, or `.cancelled` if the host ended it.
@frozen @safe
public struct Exchange: Sendable {
  @usableFromInline let id: outrider_exchange
  /// The functions of the server.
  public let host: OutriderHost

  @usableFromInline
  init(_ id: outrider_exchange, _ host: OutriderHost) {
    self.id = id
    self.host = host
  }

  @usableFromInline var table: UnsafePointer<outrider_host> { unsafe host.table }

  /// Whether the response is not needed any more.
  public var isCancelled: Bool { unsafe table.pointee.cancelled(table, id) != OUTRIDER_OK }
}

// MARK: The response

extension Exchange {
  /// Sends 103 (Early Hints, RFC 8297) at once.
  @inlinable @discardableResult
  public func earlyHints(_ fields: Fields) throws(OutriderError) -> Acceptance {
    try informational(103, fields)
  }

  /// Sends an informational response (RFC 9110 section 15.2) at once; the status is 102 to 199.
  @inlinable @discardableResult
  public func informational(_ status: Int, _ fields: Fields) throws(OutriderError) -> Acceptance {
    try Acceptance(
      unsafe fields.pass {
        unsafe table.pointee.send_informational(table, id, UInt32(truncatingIfNeeded: status), $0, $1)
      }, of: "informational")
  }

  /// Sends a complete response, whose body the host copies. Throws `.limit` if it is larger than limits.output, and `.again`
  /// if the queue is full: `Event.resume` follows.
  @inlinable @discardableResult
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: String = "") throws(OutriderError) -> Acceptance
  {
    try Acceptance(unsafe body.pass { unsafe respond(status, fields, $0) }, of: "respond")
  }

  /// The same, for bytes.
  @inlinable @discardableResult
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: Span<UInt8>) throws(OutriderError) -> Acceptance
  {
    try Acceptance(
      unsafe body.withUnsafeBufferPointer { unsafe respond(status, fields, outrider_bytes($0)) }, of: "respond")
  }

  @inlinable
  func respond(_ status: Int, _ fields: Fields, _ body: outrider_bytes) -> outrider_status {
    unsafe fields.pass {
      unsafe table.pointee.send_response(table, id, UInt32(truncatingIfNeeded: status), $0, $1, body)
    }
  }

  /// Sends the head of a response whose body follows. With `trailersFollow`, `sendTrailers` ends it; otherwise the last
  /// `write`.
  @discardableResult
  public func start(
    _ status: Int, _ fields: Fields = .none, trailersFollow: Bool = false
  ) throws(OutriderError) -> Acceptance {
    let flags = trailersFollow ? OUTRIDER_TRAILERS_FOLLOW : 0
    return try Acceptance(
      unsafe fields.pass {
        unsafe table.pointee.send_start(table, id, UInt32(truncatingIfNeeded: status), $0, $1, flags)
      }, of: "start")
  }

  /// Sends a part of the body, which the host copies. After `.paused`, and after an error that is `.again`, wait for
  /// `Event.resume`; after `.again`, send the same part then.
  @discardableResult
  public func write(_ part: String, isLast: Bool = false) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe part.pass { unsafe write($0, isLast) }, of: "write")
  }

  /// The same, for bytes.
  @discardableResult
  public func write(_ part: Span<UInt8>, isLast: Bool = false) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe part.withUnsafeBufferPointer { unsafe write(outrider_bytes($0), isLast) }, of: "write")
  }

  func write(_ part: outrider_bytes, _ isLast: Bool) -> outrider_status {
    unsafe table.pointee.send_body(table, id, part, isLast ? 0 : 1)
  }

  /// Sends `length` bytes of a regular file, from `offset` on, as a part of the body. The descriptor stays open until
  /// `Event.sent` with the tag, or until `close`. If the file is too short, the response is cut off.
  @discardableResult
  public func sendFile(
    _ descriptor: Int32, from offset: Int = 0, length: Int, isLast: Bool = false, tag: UInt64 = 0
  ) throws(OutriderError) -> Acceptance {
    guard offset >= 0, length >= 0 else { throw OutriderError(.invalid, in: "sendFile") }
    var event = unsafe outrider_file_event(descriptor, UInt64(offset), UInt64(length), isLast)
    unsafe event.tag = tag
    return try Acceptance(unsafe send(&event), of: "sendFile")
  }

  func send(_ event: UnsafeMutablePointer<outrider_file_event>) -> outrider_status {
    unsafe table.pointee.send(table, id, UnsafeRawPointer(event).assumingMemoryBound(to: outrider_event.self))
  }

  /// Ends a response that was started with `trailersFollow`.
  @discardableResult
  public func sendTrailers(_ fields: Fields) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe fields.pass { unsafe table.pointee.send_trailers(table, id, $0, $1) }, of: "sendTrailers")
  }

  /// Ends the exchange without a complete response: the client gets the server's own page, or, after a head, a response that
  /// is visibly cut off.
  public func abort(_ reason: OutriderError.Code = .failed) {
    _ = unsafe table.pointee.send_abort(table, id, reason.rawValue)
  }
}

extension outrider_file_event {
  init(_ descriptor: Int32, _ offset: UInt64, _ length: UInt64, _ isLast: Bool) {
    unsafe self.init()
    unsafe size = UInt32(MemoryLayout<Self>.size)
    unsafe type = OUTRIDER_EVENT_FILE
    unsafe fd = descriptor
    unsafe more = isLast ? 0 : 1
    unsafe self.offset = offset
    unsafe self.length = length
  }
}

// MARK: The body of the request

extension Exchange {
  /// Allows so many more pieces of the request's body, each an `Event.body`. Without this, no part of it is delivered. The
  /// first call sends 100 (Continue) if the client waits for it.
  public func receive(pieces: Int = 1) throws(OutriderError) {
    try Acceptance(unsafe table.pointee.receive(table, id, UInt32(clamping: pieces)), of: "receive")
  }
}

// MARK: The loop

extension Exchange {
  /// Calls `run` on the loop, after so many nanoseconds. The argument is nil, or the reason why the exchange ended first.
  public func after(
    nanoseconds: UInt64, _ run: @escaping @Sendable (OutriderError.Code?) -> Void
  ) throws(OutriderError) {
    let context = unsafe Unmanaged.passRetained(Deferred(run)).toOpaque()
    let status = unsafe table.pointee.after(table, id, nanoseconds, runDeferred, context, nil)
    if status < 0 { unsafe Unmanaged<Deferred>.fromOpaque(context).release() }
    try Acceptance(status, of: "after")
  }

  /// Calls `run` on the loop, as soon as possible: how a thread of the plugin returns to it.
  public func post(_ run: @escaping @Sendable (OutriderError.Code?) -> Void) throws(OutriderError) {
    let context = unsafe Unmanaged.passRetained(Deferred(run)).toOpaque()
    let status = unsafe table.pointee.post(table, id, runDeferred, context)
    if status < 0 { unsafe Unmanaged<Deferred>.fromOpaque(context).release() }
    try Acceptance(status, of: "post")
  }
}

/// What is to be called later. The host's call of `runDeferred` owns it.
private final class Deferred: Sendable {
  let run: @Sendable (OutriderError.Code?) -> Void
  init(_ run: @escaping @Sendable (OutriderError.Code?) -> Void) { self.run = run }
}

private func runDeferred(_ context: UnsafeMutableRawPointer?, _ why: outrider_status) {
  let deferred = unsafe Unmanaged<Deferred>.fromOpaque(context.unsafelyUnwrapped).takeRetainedValue()
  deferred.run(why == OUTRIDER_OK ? nil : OutriderError.Code(rawValue: why))
}

// MARK: Logs

extension Exchange {
  /// Writes a line to the error log, with the plugin's name and the request's id.
  public func log(_ level: LogLevel, _ message: String) { host.log(level, message, id) }

  /// Notes a value of the request, which both logs show; an empty value takes the note away. The key has letters, digits,
  /// '-', '_' and '.', and at most 32 bytes.
  public func note(_ key: String, _ value: String) throws(OutriderError) { try host.note(key, value, id) }
}
