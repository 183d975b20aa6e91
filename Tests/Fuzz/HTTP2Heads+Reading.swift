import HTTP

enum HeadOutcome: Equatable {
  case refused(Refusal)
  /// `hasPriority`: the client has said how answers are to share the connection.
  case head(CopiedHead, hasPriority: Bool)
}

enum TrailerOutcome: Equatable {
  case refused(Refusal)
  case fields([CopiedField])
}

/// What is to be made of a field list, said once more in the plainest way: arrays, no memory to manage.
struct PlainReading {
  let rules: HeadRules
  private var head = CopiedHead()
  private var hasPriority = false
  private var size = 0
  private var lines = 0
  private var cookie: Int?
  private var hosts = 0
  private var contentTypes = 0
  private var contentLength: Int64?
  private var hasUnknownExpectation = false

  init(_ rules: HeadRules) { self.rules = rules }

  static func head(_ fields: [CopiedField], ends: Bool, _ rules: HeadRules) -> HeadOutcome {
    var reading = PlainReading(rules)
    for field in fields {
      if let refusal = reading.take(field) { return .refused(refusal) }
    }
    if let refusal = reading.conclude(ends: ends) { return .refused(refusal) }
    reading.head.version = .http2
    return .head(reading.head, hasPriority: reading.hasPriority)
  }

  static func trailers(_ fields: [CopiedField], _ rules: HeadRules) -> TrailerOutcome {
    var reading = PlainReading(rules)
    for field in fields {
      if let refusal = reading.measure(field, isCrumb: false) { return .refused(refusal) }
      if field.isOfConnection || field.isForbiddenInTrailers { return .refused(.forbiddenTrailer) }
      if let refusal = reading.keep(field) { return .refused(refusal) }
    }
    return .fields(reading.head.fields)
  }

  private mutating func take(_ field: CopiedField) -> Refusal? {
    if field.name.first == UInt8(ascii: ":") { return takePseudoField(field) }
    let isCookie = field.isNamed("cookie")
    if let refusal = measure(field, isCrumb: isCookie && cookie != nil) { return refusal }
    if field.isOfConnection && !field.isNamed("te") { return .connectionField }
    if isCookie, let cookie {
      // RFC 9113 section 8.2.3.
      let joined = head.fields[cookie].value + Array("; ".utf8) + field.value
      if joined.count + 8 > rules.limits.fieldSize { return .fieldTooLong }
      head.fields[cookie] = CopiedField(name: field.name, value: joined)
      return nil
    }
    if isCookie { cookie = head.fields.count }
    if let refusal = note(field) { return refusal }
    return keep(field)
  }

  private mutating func measure(_ field: CopiedField, isCrumb: Bool) -> Refusal? {
    size += field.name.count + field.value.count + 4
    if size > rules.limits.head { return .headTooLarge }
    if !isCrumb { lines += 1 }
    if lines > rules.limits.fields { return .tooManyFields }
    return field.name.count + field.value.count + 2 > rules.limits.fieldSize ? .fieldTooLong : nil
  }

  private mutating func keep(_ field: CopiedField) -> Refusal? {
    if field.name.contains(UInt8(ascii: "_")) {
      switch rules.underscores {
      case .drop: return nil
      case .refuse: return .underscoreInFieldName
      case .pass: break
      }
    }
    head.fields.append(field)
    return nil
  }

  private mutating func takePseudoField(_ field: CopiedField) -> Refusal? {
    size += field.name.count + field.value.count + 4
    if size > rules.limits.head { return .headTooLarge }
    if field.isNamed(":method") {
      if field.value.count > 20 { return .methodTooLong }
      head.method = field.value
    } else if field.isNamed(":path") {
      if field.value.count > rules.limits.requestLine { return .requestLineTooLong }
      head.target = field.value
    } else if field.isNamed(":authority") {
      if !PlainAuthority.isValid(field.value) { return .malformedHost }
      head.authority = field.value
    }
    return nil
  }

  /// What a field means to the server.
  private mutating func note(_ field: CopiedField) -> Refusal? {
    let text = String(decoding: field.value, as: UTF8.self)
    if field.name.contains(UInt8(ascii: "_")) && rules.underscores != .pass { return nil }
    switch String(decoding: field.name, as: UTF8.self) {
    case "host":
      hosts += 1
      if hosts > 1 { return .duplicateField }
      if !PlainAuthority.isValid(field.value) { return .malformedHost }
    case "content-length":
      if contentLength != nil { return .duplicateField }
      guard !text.isEmpty, text.utf8.allSatisfy({ (48...57).contains($0) }), let length = Int64(text) else {
        return .malformedContentLength
      }
      contentLength = length
    case "content-type":
      contentTypes += 1
      if contentTypes > 1 { return .duplicateField }
    case "expect":
      if text == "100-continue" { head.traits.insert(.expectsContinue) } else { hasUnknownExpectation = true }
    case "te": if PlainLines.list(field.value).contains(Array("trailers".utf8)) { head.traits.insert(.acceptsTrailers) }
    case "via", "forwarded": head.traits.insert(.proxied)
    case "x-request-id": head.traits.insert(.hasRequestID)
    case "no-early-hints": if text == "1" { head.traits.insert(.refusesEarlyHints) }
    case "priority": hasPriority = true
    case let name: if name.hasPrefix("x-forwarded-") { head.traits.insert(.proxied) }
    }
    return nil
  }

  private mutating func conclude(ends: Bool) -> Refusal? {
    if head.method == Array("CONNECT".utf8) {
      head.target = head.authority
    } else {
      let isVisible = head.target.allSatisfy { $0 > 32 && $0 < 127 && $0 != UInt8(ascii: "#") }
      let isAsterisk = head.target == Array("*".utf8) && head.method == Array("OPTIONS".utf8)
      guard isVisible, head.target.first == UInt8(ascii: "/") || isAsterisk else { return .malformedTarget }
      let parts = head.target.split(separator: UInt8(ascii: "?"), maxSplits: 1, omittingEmptySubsequences: false)
      head.path = Array(parts[0])
      head.query = parts.count == 2 ? Array(parts[1]) : []
    }
    // RFC 9113 section 8.3.1.
    if let host = head.fields.first(where: { $0.isNamed("host") }) {
      if head.authority.isEmpty { head.authority = host.value }
      if head.authority != host.value { return .conflictingHost }
    } else if !head.authority.isEmpty {
      head.fields.insert(CopiedField("host", head.authority), at: 0)
    } else {
      return .missingHost
    }
    if hasUnknownExpectation { return .unknownExpectation }
    if let contentLength { head.framing = .fixed(contentLength) } else if !ends { head.framing = .chunked }
    if head.method == Array("HEAD".utf8) { head.traits.insert(.head) }
    head.traits.insert(.keepAlive)
    return nil
  }
}

/// RFC 3986 section 3.2, as far as it is among the values that are made here.
enum PlainAuthority {
  static func isValid(_ bytes: [UInt8]) -> Bool {
    if bytes.first == UInt8(ascii: "[") {
      return bytes == Array("[::1]".utf8) || bytes == Array("[::1]:8000".utf8)
    }
    let parts = bytes.split(separator: UInt8(ascii: ":"), maxSplits: 1, omittingEmptySubsequences: false)
    let marks = Array("-._~!$&'()*+,;=".utf8)
    guard let host = parts.first, !host.isEmpty, host.allSatisfy({ isLetterOrDigit($0) || marks.contains($0) })
    else { return false }
    guard parts.count == 2 else { return true }
    let port = String(decoding: parts[1], as: UTF8.self)
    return port.isEmpty || port.utf8.allSatisfy { (48...57).contains($0) } && (Int(port) ?? 65_536) <= 65_535
  }

  private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
    (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte)
  }
}

extension CopiedField {
  /// RFC 9113 section 8.2.2, and TE.
  var isOfConnection: Bool {
    ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"].contains(text)
  }

  var isForbiddenInTrailers: Bool {
    ["content-length", "expect", "forwarded", "host", "trailer", "via", "x-request-id"].contains(text)
      || text.hasPrefix("x-forwarded-")
  }

  private var text: String { String(decoding: name, as: UTF8.self) }
}

/// Whether a block is well-formed by what RFC 9113 section 8 says of any request; nil where opinions may differ.
enum PlainBlock {
  static func isWellFormed(_ block: FieldBlock, ends: Bool) -> Bool? {
    let fields = block.fields
    let names = fields.map { String(decoding: $0.name, as: UTF8.self) }
    let pseudo = names.prefix { $0.hasPrefix(":") }
    if names.dropFirst(pseudo.count).contains(where: { $0.hasPrefix(":") }) { return false }
    if block.isTrailers && !pseudo.isEmpty { return false }
    if names.contains(where: { $0 != $0.lowercased() }) { return false }
    if fields.contains(where: { $0.isOfConnection && !($0.isNamed("te") && $0.value == Array("trailers".utf8)) }) {
      return false
    }
    if !pseudo.allSatisfy([":method", ":scheme", ":path", ":authority"].contains) { return false }
    if Set(pseudo).count < pseudo.count || names.count(where: { $0 == "host" }) > 1 { return false }
    if block.isTrailers {
      // The library has its own view of what frames and routes.
      let isPlain = isPlain(fields, ends) && !names.contains("host") && !names.contains("content-length")
      return isPlain ? true : nil
    }
    let isConnect = fields.contains { $0.isNamed(":method") && $0.value == Array("CONNECT".utf8) }
    if isConnect {
      if pseudo.contains(":scheme") || pseudo.contains(":path") || !pseudo.contains(":authority") { return false }
    } else {
      if ![":method", ":scheme", ":path"].allSatisfy(pseudo.contains) { return false }
      if !pseudo.contains(":authority") && !names.contains("host") { return false }
    }
    return isPlain(fields, ends) ? true : nil
  }

  /// Nothing that is malformed in a way of its own.
  private static func isPlain(_ fields: [CopiedField], _ ends: Bool) -> Bool {
    let isHTTP = fields.contains { $0.isNamed(":scheme") && $0.value.starts(with: Array("http".utf8)) }
    return fields.allSatisfy { field in
      let isVisible = field.value.allSatisfy { $0 > 32 && $0 < 127 }
      switch String(decoding: field.name, as: UTF8.self) {
      case "": return false
      case "host", ":authority": return PlainAuthority.isValid(field.value)
      case ":method": return !field.value.isEmpty && field.value.allSatisfy(PlainLines.isToken)
      case ":scheme": return !field.value.isEmpty
      case ":path":
        let isOrigin = field.value.first == UInt8(ascii: "/")
        return isVisible && !field.value.isEmpty && (isOrigin || !isHTTP)
      case "content-length": return field.value == Array("0".utf8) || field.value == Array("7".utf8) && !ends
      default: return isVisible
      }
    } && fields.count { $0.isNamed("content-length") } <= 1
  }
}
