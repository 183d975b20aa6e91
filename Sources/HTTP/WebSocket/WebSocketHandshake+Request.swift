extension WebSocketHandshake {
  /// Whether a request is a handshake by all rules (RFC 6455 section 4.2.1, RFC 8441 section 5).
  package static func isValid(_ head: borrowing RequestHead) -> Bool {
    let (fields, traits, version) = (head.fields, head.traits, head.version)
    let isRightMethod = head.method.equals(version.isHTTP2 ? Bytes("CONNECT") : Bytes("GET"))
    guard traits.contains(.upgrade), isRightMethod, let asked = value(of: "sec-websocket-version", fields),
      asked.equals(Bytes(WebSocketHandshake.version)), subprotocolsAreValid(fields)
    else { return false }
    if version.isHTTP2 { return true }
    guard version == .http11, case .none = head.framing, let key = value(of: "sec-websocket-key", fields) else {
      return false
    }
    return isKey(key) && asksForUpgrade(fields)
  }

  private static func subprotocolsAreValid(_ fields: Fields) -> Bool {
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("sec-websocket-protocol") {
      if !areSubprotocols(fields[index].value) { return false }
    }
    return true
  }

  private static func asksForUpgrade(_ fields: Fields) -> Bool {
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase("upgrade") {
      for option in ListElements(fields[index].value) where option.equalsIgnoringCase("websocket") { return true }
    }
    return false
  }

  /// The value of a field that occurs once; nil otherwise.
  package static func value(of name: StaticString, _ fields: Fields) -> Bytes? {
    var found: Bytes?
    for index in 0..<fields.count where fields[index].name.equalsIgnoringCase(name) {
      if found != nil { return nil }
      found = fields[index].value
    }
    return found
  }
}
