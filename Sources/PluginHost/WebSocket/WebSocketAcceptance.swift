import HTTP

/// The fields of the response that accepts a handshake (RFC 6455 section 4.2.2, RFC 8441 section 5).
enum WebSocketAcceptance {
  /// Upgrade, Connection, Sec-WebSocket-Accept, Sec-WebSocket-Protocol, Sec-WebSocket-Extensions.
  private static let ownFields = 5

  /// Calls `body` with all fields, which are valid during the call, and with the verdict on those of the plugin: nil if one is
  /// malformed, or one that only the host sends.
  static func withFields(
    of exchange: Exchange, subprotocol: Bytes, _ compression: WebSocketCompression?, _ fields: Fields, isHTTP2: Bool,
    _ body: (Fields, FieldValidation.Verdict?) -> CallStatus
  ) -> CallStatus {
    guard var verdict = FieldValidation.check(fields, for: .final), verdict.contentLength == nil, !haveOwn(fields)
    else {
      return body(.none, nil)
    }
    // Over HTTP/2 there is no key.
    let digest = WebSocketHandshake.accept(exchange.webSocketKey)
    return withBytes(of: digest ?? .init(repeating: 0), compression) { accept, extensions in
      unsafe withUnsafeTemporaryAllocation(of: Field.self, capacity: fields.count + ownFields) { all in
        var count = 0
        func add(_ name: Bytes, _ value: Bytes) {
          unsafe all.initializeElement(at: count, to: Field(name: name, value: value))
          count += 1
          verdict.add(bytes: name.count + value.count)
        }
        if !isHTTP2 {
          add(Bytes("Upgrade"), Bytes("websocket"))
          add(Bytes("Connection"), Bytes("Upgrade"))
          add(Bytes("Sec-WebSocket-Accept"), accept)
        }
        // In HTTP/2 names are in lower case (RFC 9113 section 8.2.1).
        if !extensions.isEmpty { add(Bytes("sec-websocket-extensions"), extensions) }
        if !subprotocol.isEmpty { add(Bytes("sec-websocket-protocol"), subprotocol) }
        for index in 0..<fields.count {
          unsafe all.initializeElement(at: count, to: fields[index])
          count += 1
        }
        return body(unsafe Fields(base: all.baseAddress, count: count), verdict)
      }
    }
  }

  /// Calls `body` with the values of Sec-WebSocket-Accept and Sec-WebSocket-Extensions.
  private static func withBytes(
    of digest: InlineArray<28, UInt8>, _ compression: WebSocketCompression?, _ body: (Bytes, Bytes) -> CallStatus
  ) -> CallStatus {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: WebSocketCompression.longestResponse) { room in
      var writer = unsafe ByteWriter(base: room.baseAddress.unsafelyUnwrapped, capacity: room.count)
      compression?.append(to: &writer)
      let extensions = unsafe Bytes(base: UnsafePointer(room.baseAddress), count: writer.count)
      return unsafe digest.span.withUnsafeBufferPointer {
        body(unsafe Bytes(base: $0.baseAddress, count: $0.count), extensions)
      }
    }
  }

  private static func haveOwn(_ fields: Fields) -> Bool {
    let prefix = 14  // of sec-websocket-
    for index in 0..<fields.count where fields[index].name.count >= prefix {
      if fields[index].name.slice(0, prefix).equalsIgnoringCase("sec-websocket-") { return true }
    }
    return false
  }
}
