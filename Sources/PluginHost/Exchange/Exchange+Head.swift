import COutrider
import HTTP
import Memory

/// The parts of the plugin's head that are not in the request itself.
package struct RequestContext {
  /// The decoded path below the mount.
  let path: Bytes
  /// The path ends with the mount.
  let isBareMount: Bool
  let client: RequestEndpoint
  let server: RequestEndpoint
  let requestID: Bytes

  package init(
    path: Bytes, isBareMount: Bool, client: RequestEndpoint, server: RequestEndpoint, requestID: Bytes
  ) {
    self.path = path
    self.isBareMount = isBareMount
    self.client = client
    self.server = server
    self.requestID = requestID
  }
}

/// One end of the connection of a request: a textual address and a port.
package struct RequestEndpoint {
  package let address: Bytes
  package let port: UInt16

  package init(address: Bytes, port: UInt16) {
    self.address = address
    self.port = port
  }
}

// Setting up an exchange for a request: `begin`, then the changes of the head by TLS and a trusted proxy, then `prepareResponse`.

extension Exchange {
  /// [loop] Sets up the plugin's view of the head. `prepareResponse` follows.
  package func begin(_ request: borrowing RequestHead, _ context: RequestContext) {
    record.traits = request.traits
    record.firstHintAt = 0
    var flags: UInt32 = 0
    if case .none = request.framing {} else { flags |= OUTRIDER_HEAD_HAS_BODY }
    if request.traits.contains(.head) { flags |= OUTRIDER_HEAD_HEAD_ONLY }
    if request.traits.contains(.acceptsTrailers) { flags |= OUTRIDER_HEAD_ACCEPTS_TRAILERS }
    if context.isBareMount { flags |= OUTRIDER_HEAD_BARE_MOUNT }
    let length: Int64 = if case .fixed(let length) = request.framing { length } else { -1 }
    unsafe record.head = outrider_head(
      size: UInt32(MemoryLayout<outrider_head>.size), flags: flags, http_version: request.version.rawValue,
      server_port: UInt32(context.server.port), client_port: UInt32(context.client.port), reserved: 0,
      method: request.method.abi, scheme: Bytes("http").abi, authority: request.authority.abi,
      target: request.target.abi, raw_path: request.path.abi, path: context.path.abi, query: request.query.abi,
      mount: record.plugin.record.mount.abi, client_address: context.client.address.abi,
      server_address: context.server.address.abi, request_id: context.requestID.abi,
      tls_subject: Bytes.empty.abi, fields: request.fields.abi, n_fields: request.fields.count,
      content_length: length, deadline_ns: 0)
  }

  /// [loop] Notes that the request came over TLS.
  ///
  /// - Parameter subject: the subject of the client's verified certificate, or empty.
  package func setTLS(subject: Bytes) {
    scheme = Bytes("https")
    unsafe record.head.flags |= OUTRIDER_HEAD_TLS
    unsafe record.head.tls_subject = subject.abi
  }

  /// [loop] Notes whether a trusted proxy has reported TLS between the client and itself.
  ///
  /// - Parameters:
  ///   - isUsed: the client uses TLS.
  ///   - subject: the subject that the proxy reports.
  package func setTLS(behindProxy isUsed: Bool, subject: Bytes) {
    scheme = Bytes(isUsed ? "https" : "http")
    unsafe record.head.tls_subject = subject.abi
  }

  /// [loop] Sets up the state of the response; then the exchange is complete.
  ///
  /// - Parameter proxied: the request came through a proxy.
  package func prepareResponse(_ version: HTTPVersion, hints: EarlyHintPolicy, proxied: Bool) {
    record.response = ResponseState(version: version, traits: record.traits, hints: hints)
    var flags: UInt32 = 0
    if hints.allowed { flags |= OUTRIDER_HEAD_MAY_HINT }
    if proxied { flags |= OUTRIDER_HEAD_PROXIED }
    unsafe record.head.flags |= flags
  }

  /// Whether the request has a body.
  package var hasRequestBody: Bool { unsafe record.head.flags & OUTRIDER_HEAD_HAS_BODY != 0 }

  package var requestID: Bytes { unsafe Bytes(record.head.request_id) }

  // Members that may change after `begin`.

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

  /// The host that the client has requested, from the request itself or a trusted proxy.
  package var authority: Bytes {
    get { unsafe Bytes(record.head.authority) }
    nonmutating set { unsafe record.head.authority = newValue.abi }
  }

  /// [loop] With hostile memory: overwrites the head of an exchange that has ended.
  func poisonHead() {
    unsafe withUnsafeMutableBytes(of: &record.head) { head in
      _ = unsafe head.initializeMemory(as: UInt8.self, repeating: HostileMemory.poison)
    }
  }

  /// Monotonic nanoseconds; 0 for none.
  package func setDeadline(_ deadline: UInt64) { unsafe record.head.deadline_ns = deadline }
}
