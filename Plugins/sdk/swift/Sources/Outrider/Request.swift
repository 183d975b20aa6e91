public import COutriderPlugin

/// One request and its response, for `Handler.handle`. It cannot leave that call, nor can the bytes that it shows.
///
/// A response is either one `respond`; or `start`, any number of `write` and `sendFile`, and optionally `trailers`. It ends
/// when `handle` returns. Each method blocks until the client receives or sends bytes, and throws `.closed` when the client
/// leaves, and `.cancelled` on a deadline or when the worker must stop.
@frozen @safe
public struct Request: ~Copyable, ~Escapable {
  @usableFromInline let raw: UnsafePointer<outrider_head>
  @usableFromInline let io: UnsafePointer<outrider_io>
  @usableFromInline let id: outrider_exchange
  /// The functions of the server.
  public let host: OutriderHost

  @usableFromInline @_lifetime(immortal)
  init(
    _ id: outrider_exchange, _ head: UnsafePointer<outrider_head>, _ io: UnsafePointer<outrider_io>,
    _ host: OutriderHost
  ) {
    self.id = id
    unsafe raw = head
    unsafe self.io = io
    self.host = host
  }

  /// The head of the request.
  @inlinable public var head: Head {
    @_lifetime(copy self) get { unsafe _overrideLifetime(Head(raw), copying: self) }
  }

  /// Whether the response is not needed any more: the client has left, or the host has ended the exchange. Cheap enough to
  /// be asked often during a long computation.
  public var isCancelled: Bool { unsafe host.table.pointee.cancelled(host.table, id) != OUTRIDER_OK }
}

// MARK: The body of the request

extension Request {
  /// Reads up to as many bytes of the body as fit, and returns their number; 0 at its end. The first call sends 100
  /// (Continue) if the client waits for it. Throws `.limit` if the body is larger than limits.body.
  public func read(into buffer: inout MutableSpan<UInt8>) throws(OutriderError) -> Int {
    var count = 0
    let status = unsafe buffer.withUnsafeMutableBufferPointer { target in
      unsafe io.pointee.read(
        io, id, UnsafeMutableRawPointer(target.baseAddress ?? .init(bitPattern: 1)!), target.count, &count)
    }
    try Acceptance(status, of: "read")
    return count
  }

  /// Reads the whole body. Throws `.limit` if it has more than `limit` bytes.
  public func readBody(limit: Int) throws(OutriderError) -> [UInt8] {
    var body: [UInt8] = []
    if let announced = head.contentLength {
      guard announced <= limit else { throw OutriderError(.limit, in: "readBody") }
      body.reserveCapacity(announced)
    }
    var piece = [UInt8](repeating: 0, count: 16 * 1024)
    while true {
      var room = piece.mutableSpan
      let count = try read(into: &room)
      if count == 0 { return body }
      guard count <= limit - body.count else { throw OutriderError(.limit, in: "readBody") }
      body.append(contentsOf: piece[..<count])
    }
  }

  /// The trailer fields of the request. Throws `.state` before `read` has reported the end.
  public var trailers: ReceivedFields {
    @_lifetime(copy self)
    get throws(OutriderError) {
      var fields: UnsafePointer<outrider_field>? = nil
      var count = 0
      try Acceptance(unsafe io.pointee.request_trailers(io, id, &fields, &count), of: "trailers")
      return unsafe _overrideLifetime(ReceivedFields(fields, count: count), copying: self)
    }
  }
}

// MARK: The response

extension Request {
  /// Sends 103 (Early Hints, RFC 8297); it is on the wire before this returns.
  @inlinable @discardableResult
  public func earlyHints(_ fields: Fields) throws(OutriderError) -> Acceptance {
    try informational(103, fields)
  }

  /// Sends an informational response (RFC 9110 section 15.2) at once; the status is 102 to 199.
  @inlinable @discardableResult
  public func informational(_ status: Int, _ fields: Fields) throws(OutriderError) -> Acceptance {
    try Acceptance(
      unsafe fields.pass { unsafe io.pointee.informational(io, id, UInt32(truncatingIfNeeded: status), $0, $1) },
      of: "informational")
  }

  /// Sends a complete response. The host adds content-length.
  @inlinable @discardableResult
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: String = "") throws(OutriderError) -> Acceptance
  {
    try Acceptance(unsafe body.pass { unsafe respond(status, fields, $0) }, of: "respond")
  }

  /// Sends a complete response. The host adds content-length.
  @inlinable @discardableResult
  public func respond(_ status: Int, _ fields: Fields = .none, _ body: Span<UInt8>) throws(OutriderError) -> Acceptance
  {
    try Acceptance(
      unsafe body.withUnsafeBufferPointer { unsafe respond(status, fields, outrider_bytes($0)) }, of: "respond")
  }

  @inlinable
  func respond(_ status: Int, _ fields: Fields, _ body: outrider_bytes) -> outrider_status {
    unsafe fields.pass { unsafe io.pointee.respond(io, id, UInt32(truncatingIfNeeded: status), $0, $1, body) }
  }

  /// Begins a response whose body follows. Its head is sent with the first part of the body; an empty `write` sends it at
  /// once. With a content-length field, exactly that many bytes must be written.
  public func start(_ status: Int, _ fields: Fields = .none) throws(OutriderError) {
    try Acceptance(
      unsafe fields.pass { unsafe io.pointee.start(io, id, UInt32(truncatingIfNeeded: status), $0, $1) }, of: "start")
  }

  /// Sends a part of the body. It returns when the unsent rest fits into the host's bounded buffer.
  @discardableResult
  public func write(_ part: String) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe part.pass { unsafe write($0) }, of: "write")
  }

  /// Sends a part of the body. It returns when the unsent rest fits into the host's bounded buffer.
  @discardableResult
  public func write(_ part: Span<UInt8>) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe part.withUnsafeBufferPointer { unsafe write(outrider_bytes($0)) }, of: "write")
  }

  private func write(_ part: outrider_bytes) -> outrider_status {
    var part = unsafe part
    return unsafe io.pointee.write(io, id, &part, 1)
  }

  /// Sends `length` bytes of a regular file, from `offset` on, as a part of the body. The caller keeps the descriptor; its
  /// position is neither used nor changed. Throws `.io` if the file is too short; the response is cut off then.
  @discardableResult
  public func sendFile(_ descriptor: Int32, from offset: Int = 0, length: Int) throws(OutriderError) -> Acceptance {
    guard offset >= 0, length >= 0 else { throw OutriderError(.invalid, in: "sendFile") }
    return try Acceptance(
      unsafe io.pointee.sendfile(io, id, descriptor, UInt64(offset), UInt64(length)), of: "sendFile")
  }

  /// Ends the body with trailer fields. They are skipped where the client does not accept them.
  @discardableResult
  public func sendTrailers(_ fields: Fields) throws(OutriderError) -> Acceptance {
    try Acceptance(unsafe fields.pass { unsafe io.pointee.trailers(io, id, $0, $1) }, of: "sendTrailers")
  }
}

// MARK: Logs

extension Request {
  /// Writes a line to the error log, with the plugin's name and the request's id.
  public func log(_ level: LogLevel, _ message: String) { host.log(level, message, id) }

  /// Notes a value of the request, which both logs show; an empty value takes the note away. The key has letters, digits,
  /// '-', '_' and '.', and at most 32 bytes.
  public func note(_ key: String, _ value: String) throws(OutriderError) { try host.note(key, value, id) }
}
