public import COutriderPlugin

/// The version of HTTP by which a request came.
public enum HTTPVersion: Sendable { case http10, http11, http2 }

/// The head of a request, in the host's memory: nothing is copied.
@frozen @safe
public struct Head: ~Escapable {
  @usableFromInline let raw: UnsafePointer<outrider_head>

  @usableFromInline @_lifetime(immortal)
  init(_ raw: UnsafePointer<outrider_head>) { unsafe self.raw = raw }

  /// The method, a case-sensitive token (RFC 9110 section 9.1).
  @inlinable public var method: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.method) }
  }
  /// "http" or "https", as the client sees it.
  @inlinable public var scheme: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.scheme) }
  }
  /// Host, :authority, or the authority of an absolute target; it may be empty over HTTP/1.0.
  @inlinable public var authority: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.authority) }
  }
  /// The target as received (RFC 9112 section 3.2).
  @inlinable public var target: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.target) }
  }
  /// The path as received: with the mount, neither decoded nor normalized.
  @inlinable public var rawPath: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.raw_path) }
  }
  /// The path, decoded once, without dot segments and without the mount.
  @inlinable public var path: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.path) }
  }
  /// The query as received, without the '?'.
  @inlinable public var query: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.query) }
  }
  /// The prefix that is removed from `path`, without a trailing '/'; empty for a plugin that is mounted on "/".
  @inlinable public var mount: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.mount) }
  }
  /// The client's address as text, without the port; empty on a unix socket.
  @inlinable public var clientAddress: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.client_address) }
  }
  /// The server's address as text, without the port; empty on a unix socket.
  @inlinable public var serverAddress: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.server_address) }
  }
  /// The id of the request, the same as in the logs: 1 to 128 characters.
  @inlinable public var requestID: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.request_id) }
  }
  /// The subject of the verified client certificate, or empty.
  @inlinable public var tlsSubject: Bytes {
    @_lifetime(copy self) get { unsafe bytes(raw.pointee.tls_subject) }
  }
  /// The field lines, in the order received.
  @inlinable public var fields: ReceivedFields {
    @_lifetime(copy self)
    get {
      let fields = unsafe ReceivedFields(raw.pointee.fields, count: raw.pointee.n_fields)
      return unsafe _overrideLifetime(fields, copying: self)
    }
  }

  /// The value of the first field line of that name, in any case, a copy; nil if there is none.
  public func field(_ name: StaticString) -> String? {
    guard let value = fields[name] else { return nil }
    return String(value)
  }

  /// The client's port; 0 on a unix socket.
  public var clientPort: Int { Int(unsafe raw.pointee.client_port) }
  /// The server's port; 0 on a unix socket.
  public var serverPort: Int { Int(unsafe raw.pointee.server_port) }
  /// The announced length of the body in bytes; nil if it is not announced.
  @inlinable public var contentLength: Int? {
    let length = unsafe raw.pointee.content_length
    return length < 0 ? nil : Int(length)
  }
  /// The time of CLOCK_MONOTONIC, in nanoseconds, at which the host cancels the exchange; nil: never.
  public var deadline: UInt64? {
    let deadline = unsafe raw.pointee.deadline_ns
    return deadline == 0 ? nil : deadline
  }
  /// The version of HTTP by which the request came.
  public var version: HTTPVersion {
    switch unsafe raw.pointee.http_version {
    case OUTRIDER_HTTP_1_0: .http10
    case OUTRIDER_HTTP_1_1: .http11
    default: .http2
    }
  }

  /// Whether the client's connection to this server is TLS.
  public var isTLS: Bool { has(OUTRIDER_HEAD_TLS) }
  /// Whether a 103 would be sent. Otherwise `earlyHints` returns `.skipped`.
  public var mayHint: Bool { has(OUTRIDER_HEAD_MAY_HINT) }
  /// Whether the request announces a body, which may be empty.
  public var hasBody: Bool { has(OUTRIDER_HEAD_HAS_BODY) }
  /// Whether the method is HEAD: the bytes of a body are accepted, but not sent.
  public var isHeadOnly: Bool { has(OUTRIDER_HEAD_HEAD_ONLY) }
  /// Whether the request came by a proxy.
  public var isProxied: Bool { has(OUTRIDER_HEAD_PROXIED) }
  /// Whether the client has sent `TE: trailers`.
  public var acceptsTrailers: Bool { has(OUTRIDER_HEAD_ACCEPTS_TRAILERS) }
  /// Whether the target is the mount itself, without a '/' behind it; `path` is "/" then.
  public var isBareMount: Bool { has(OUTRIDER_HEAD_BARE_MOUNT) }

  func has(_ flag: UInt32) -> Bool { unsafe raw.pointee.flags & flag != 0 }

  @inlinable @_lifetime(copy self)
  func bytes(_ bytes: outrider_bytes) -> Bytes { unsafe _overrideLifetime(Bytes(bytes), copying: self) }
}
