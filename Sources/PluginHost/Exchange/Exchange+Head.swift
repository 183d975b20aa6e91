import COutrider
import HTTP

/// What the plugin's head says beyond the request itself.
package struct RequestCircumstances {
  package var scheme = Bytes("http")
  /// The host that the client asked for, by the request itself or a trusted proxy's word.
  package var authority = Bytes.empty
  /// The decoded path below the mount.
  package var path = Bytes.empty
  package var clientAddress = Bytes.empty
  package var clientPort: UInt16 = 0
  package var serverAddress = Bytes.empty
  package var serverPort: UInt16 = 0
  package var requestID = Bytes.empty
  package var deadline: UInt64 = 0
  package var proxied = false
  package var secure = false
  /// Of the client's verified certificate.
  package var tlsSubject = Bytes.empty

  package init() {}
}

extension Exchange {
  /// Sets the exchange up for a request: the plugin's view of the head, and the state of its answer.
  package func begin(_ request: borrowing RequestHead, _ circumstances: RequestCircumstances, hints: EarlyHintPolicy) {
    record.traits = request.traits
    record.firstHintAt = 0
    record.response = ResponseState(version: request.version, traits: request.traits, hints: hints)
    var flags: UInt32 = 0
    if circumstances.secure { flags |= UInt32(OUTRIDER_HEAD_TLS) }
    if hints.allowed { flags |= UInt32(OUTRIDER_HEAD_MAY_HINT) }
    if case .none = request.framing {} else { flags |= UInt32(OUTRIDER_HEAD_HAS_BODY) }
    if request.traits.contains(.head) { flags |= UInt32(OUTRIDER_HEAD_HEAD_ONLY) }
    if circumstances.proxied { flags |= UInt32(OUTRIDER_HEAD_PROXIED) }
    if request.traits.contains(.acceptsTrailers) { flags |= UInt32(OUTRIDER_HEAD_ACCEPTS_TRAILERS) }
    let length: Int64 = if case .fixed(let length) = request.framing { length } else { -1 }
    unsafe record.head = outrider_head(
      size: UInt32(MemoryLayout<outrider_head>.size), flags: flags, http_version: request.version.rawValue,
      server_port: UInt32(circumstances.serverPort), client_port: UInt32(circumstances.clientPort), reserved: 0,
      method: request.method.abi, scheme: circumstances.scheme.abi, authority: circumstances.authority.abi,
      target: request.target.abi, path: circumstances.path.abi, query: request.query.abi,
      mount: record.plugin.record.mount.abi, client_address: circumstances.clientAddress.abi,
      server_address: circumstances.serverAddress.abi, request_id: circumstances.requestID.abi,
      tls_subject: circumstances.tlsSubject.abi, fields: request.fields.abi, n_fields: request.fields.count,
      content_length: length, deadline_ns: circumstances.deadline)
  }

  /// Whether the request has a body.
  package var hasRequestBody: Bool { unsafe record.head.flags & UInt32(OUTRIDER_HEAD_HAS_BODY) != 0 }

  package var requestID: Bytes { unsafe Bytes(record.head.request_id) }
}
