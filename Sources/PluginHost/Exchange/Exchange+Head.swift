import COutrider
import HTTP

/// What the plugin's head says besides what stands in the request itself.
package struct RequestCircumstances {
  /// The decoded path below the mount.
  let path: Bytes
  let client: RequestEndpoint
  let server: RequestEndpoint
  let requestID: Bytes

  package init(path: Bytes, client: RequestEndpoint, server: RequestEndpoint, requestID: Bytes) {
    self.path = path
    self.client = client
    self.server = server
    self.requestID = requestID
  }
}

/// One side of the connection that a request came by: a textual address and a port.
package struct RequestEndpoint {
  package let address: Bytes
  package let port: UInt16

  package init(address: Bytes, port: UInt16) {
    self.address = address
    self.port = port
  }
}

// Setting an exchange up for a request: `begin`, then what TLS and a trusted proxy's word change of the head, then `answer`.

extension Exchange {
  /// [loop] Sets up the plugin's view of the head. The answer is set up by `answer`.
  package func begin(_ request: borrowing RequestHead, _ circumstances: RequestCircumstances) {
    record.traits = request.traits
    record.firstHintAt = 0
    var flags: UInt32 = 0
    if case .none = request.framing {} else { flags |= UInt32(OUTRIDER_HEAD_HAS_BODY) }
    if request.traits.contains(.head) { flags |= UInt32(OUTRIDER_HEAD_HEAD_ONLY) }
    if request.traits.contains(.acceptsTrailers) { flags |= UInt32(OUTRIDER_HEAD_ACCEPTS_TRAILERS) }
    let length: Int64 = if case .fixed(let length) = request.framing { length } else { -1 }
    unsafe record.head = outrider_head(
      size: UInt32(MemoryLayout<outrider_head>.size), flags: flags, http_version: request.version.rawValue,
      server_port: UInt32(circumstances.server.port), client_port: UInt32(circumstances.client.port), reserved: 0,
      method: request.method.abi, scheme: Bytes("http").abi, authority: request.authority.abi,
      target: request.target.abi, path: circumstances.path.abi, query: request.query.abi,
      mount: record.plugin.record.mount.abi, client_address: circumstances.client.address.abi,
      server_address: circumstances.server.address.abi, request_id: circumstances.requestID.abi,
      tls_subject: Bytes.empty.abi, fields: request.fields.abi, n_fields: request.fields.count,
      content_length: length, deadline_ns: 0)
  }

  /// [loop] The request came through TLS.
  ///
  /// - Parameter subject: of the client's verified certificate, or empty.
  package func takeTLS(subject: Bytes) {
    scheme = Bytes("https")
    unsafe record.head.flags |= UInt32(OUTRIDER_HEAD_TLS)
    unsafe record.head.tls_subject = subject.abi
  }

  /// [loop] Sets up the state of the answer; then the exchange is complete.
  ///
  /// - Parameter proxied: a proxy has passed the request on.
  package func answer(_ version: HTTPVersion, hints: EarlyHintPolicy, proxied: Bool) {
    record.response = ResponseState(version: version, traits: record.traits, hints: hints)
    var flags: UInt32 = 0
    if hints.allowed { flags |= UInt32(OUTRIDER_HEAD_MAY_HINT) }
    if proxied { flags |= UInt32(OUTRIDER_HEAD_PROXIED) }
    unsafe record.head.flags |= flags
  }

  /// Whether the request has a body.
  package var hasRequestBody: Bool { unsafe record.head.flags & UInt32(OUTRIDER_HEAD_HAS_BODY) != 0 }

  package var requestID: Bytes { unsafe Bytes(record.head.request_id) }

  // What may change after `begin`.

  package var client: RequestEndpoint {
    get {
      unsafe RequestEndpoint(
        address: Bytes(record.head.client_address), port: UInt16(truncatingIfNeeded: record.head.client_port))
    }
    nonmutating set {
      unsafe record.head.client_address = newValue.address.abi
      unsafe record.head.client_port = UInt32(newValue.port)
    }
  }

  package var scheme: Bytes {
    get { unsafe Bytes(record.head.scheme) }
    nonmutating set { unsafe record.head.scheme = newValue.abi }
  }

  /// The host that the client asked for, by the request itself or a trusted proxy's word.
  package var authority: Bytes {
    get { unsafe Bytes(record.head.authority) }
    nonmutating set { unsafe record.head.authority = newValue.abi }
  }

  /// [loop] The exchange has ended, and whoever has its head still is wrong: for hostile memory.
  func poisonHead() {
    unsafe withUnsafeMutableBytes(of: &record.head) { head in
      _ = unsafe head.initializeMemory(as: UInt8.self, repeating: HostileMemory.poison)
    }
  }

  /// Monotonic nanoseconds; 0 for none.
  package func setDeadline(_ deadline: UInt64) { unsafe record.head.deadline_ns = deadline }
}
