import HTTP

extension FrameReader {
  /// Up to the first compressed message.
  func compareWithPlainReading(_ bytes: [UInt8], _ events: [FrameEvent]) {
    var plain = PlainFrames(bytes, limits, compression != nil)
    plain.read()
    let seen = plain.isCompressed ? Array(events.prefix(plain.events.count)) : events
    require(seen == plain.events, "\(events), plainly \(plain.events)")
  }
}

/// Reads frames byte by byte from memory that holds all of them (RFC 6455 section 5.2).
struct PlainFrames {
  private(set) var events: [FrameEvent] = []
  /// A compressed message follows, which this does not read.
  private(set) var isCompressed = false

  private var rest: ArraySlice<UInt8>
  private let limits: WebSocketLimits
  private let allowsCompression: Bool
  private var isText = false
  /// Nil between messages.
  private var message: [UInt8]?

  init(_ bytes: [UInt8], _ limits: WebSocketLimits, _ allowsCompression: Bool) {
    rest = bytes[...]
    self.limits = limits
    self.allowsCompression = allowsCompression
  }

  mutating func read() {
    while frame() {}
  }

  private mutating func fail(_ failure: WebSocketFailure) -> Bool {
    events.append(.failed(failure))
    return false
  }

  private func number(_ from: Int, _ count: Int) -> UInt64? {
    guard rest.count >= from + count else { return nil }
    return rest.dropFirst(from).prefix(count).reduce(0) { $0 << 8 | UInt64($1) }
  }

  /// Reads a frame; false if nothing can follow it, or it is incomplete.
  private mutating func frame() -> Bool {
    guard let start = number(0, 2) else { return false }
    let (first, second) = (UInt8(start >> 8), UInt8(start & 0xFF))
    let opcode = first & 15
    let isControl = opcode >= 8
    if first & (allowsCompression ? 0x30 : 0x70) != 0 { return fail(.reservedBit) }
    if ![0, 1, 2, 8, 9, 10].contains(opcode) { return fail(.reservedOpcode) }
    if second < 128 { return fail(.unmasked) }
    if isControl && first < 128 { return fail(.fragmentedControl) }
    if isControl && second > 128 + 125 { return fail(.longControl) }
    if first & 0x40 != 0 && opcode != 1 && opcode != 2 { return fail(.reservedBit) }
    var (length, header) = (UInt64(second - 128), 2)
    if length > 125 {
      let digits = length == 126 ? 2 : 8
      guard let long = number(2, digits) else { return false }
      if long >= 1 << 63 { return fail(.hugeLength) }
      if digits == 2 ? long <= 125 : long <= 65535 { return fail(.longLength) }
      (length, header) = (long, 2 + digits)
    }
    if !isControl && length > limits.maxFrame { return fail(.frameTooBig) }
    guard number(header, 4) != nil else { return false }
    let key = Array(rest.dropFirst(header).prefix(4))
    rest = rest.dropFirst(header + 4)
    let payload = rest.prefix(Int(length)).enumerated().map { $1 ^ key[$0 % 4] }
    let isWhole = payload.count == Int(length)
    rest = rest.dropFirst(payload.count)
    if isControl { return isWhole && control(opcode, payload) }
    return data(opcode, isFinal: first >= 128, isCompressed: first & 0x40 != 0, Int(length), payload)
  }

  private mutating func control(_ opcode: UInt8, _ payload: [UInt8]) -> Bool {
    switch opcode {
    case 9: events.append(.ping(payload))
    case 10: events.append(.pong(payload))
    default:
      if payload.isEmpty {
        events.append(.close(1005, []))
        return false
      }
      if payload.count == 1 { return fail(.malformedClose) }
      let code = UInt16(payload[0]) << 8 | UInt16(payload[1])
      let isValid =
        [1000, 1001, 1002, 1003].contains(code) || (1007...1014).contains(code) || (3000...4999).contains(code)
      if !isValid { return fail(.invalidCloseCode) }
      let reason = Array(payload.dropFirst(2))
      if !isUTF8(reason) { return fail(.malformedCloseReason) }
      events.append(.close(code, reason))
      return false
    }
    return true
  }

  private mutating func data(
    _ opcode: UInt8, isFinal: Bool, isCompressed: Bool, _ length: Int, _ payload: [UInt8]
  ) -> Bool {
    if opcode == 0 && message == nil { return fail(.unexpectedContinuation) }
    if opcode != 0 && message != nil { return fail(.interruptedMessage) }
    if isCompressed {
      self.isCompressed = true
      return false
    }
    if opcode != 0 { isText = opcode == 1 }
    let whole = (message ?? []) + payload
    if (message ?? []).count + length > limits.maxMessage { return fail(.messageTooBig) }
    message = whole
    if isText && !mayBecomeUTF8(whole) { return fail(.malformedText) }
    guard payload.count == length else { return false }
    guard isFinal else { return true }
    if isText && !isUTF8(whole) { return fail(.malformedText) }
    events.append(.message(isText: isText, whole))
    message = nil
    return true
  }

  /// Whether these are UTF-8, or become it with the rest of a character.
  private func mayBecomeUTF8(_ bytes: [UInt8]) -> Bool {
    let rests: [[UInt8]] = [[], [0x80], [0x80, 0x80], [0x80, 0x80, 0x80], [0x90, 0x80, 0x80], [0xA0, 0x80]]
    return rests.contains { isUTF8(bytes + $0) }
  }
}
