/// Reads the frames of a client (RFC 6455 section 5): the messages and control frames that are in its bytes, in whatever
/// pieces these arrive.
///
/// The state is small, so that an idle connection costs little: the payload of messages is in memory of the caller's, and
/// what inflates them is made with the first compressed message.
package struct WebSocketReader: ~Copyable {
  package enum MessageKind: Sendable { case text, binary }

  /// What a call of `read` has found.
  package enum Step: Sendable {
    /// All input is consumed, and more is needed.
    case incomplete
    /// The message is complete: unmasked, inflated, and UTF-8 if it is text. After parts: the rest of it, which may be
    /// empty.
    case message(MessageKind)
    /// A part of a message, which is not empty; more follows. A part of a text ends with a whole character.
    case part(MessageKind)
    /// The payload is `withControlPayload`'s; a pong has to have the same (sections 5.5.2 and 5.5.3).
    case ping, pong
    /// The client closes (section 5.5.1); `code` is 1005 without one. The reason is `withCloseReason`'s. All input after
    /// it is consumed and ignored.
    case close(code: UInt16, hasCode: Bool)
    /// Send a Close frame with `failure.code`, then end the connection. The same for all further input.
    case failed(WebSocketFailure)
  }

  private enum Stage: UInt8 {
    case header, payload, control
    /// What the client has left out at the end of a compressed message.
    case deflateTail
    case closed, failed
  }

  /// Messages are delivered in parts as they arrive, instead of whole. Change it only between messages.
  package var deliversParts = false

  private let limits: WebSocketLimits
  private var stage = Stage.header
  private var failure = WebSocketFailure.reservedBit

  /// The beginning of a header that is incomplete.
  private var kept = InlineArray<14, UInt8>(repeating: 0)
  private var keptCount = 0

  // The frame.
  private var opcode = WebSocketOpcode.continuation
  private var isFinal = true
  private var mask = WebSocketMask.none
  /// How many bytes of payload are missing.
  private var remaining = 0

  // The message, which control frames may interrupt.
  /// Nil between messages.
  private var kind: MessageKind?
  private var isCompressed = false
  /// The length of the message so far, inflated, and of what it was inflated from.
  private var length = 0
  private var deflatedLength = 0
  private var utf8 = UTF8Validator()
  /// The bytes of an unfinished character that the last part was delivered without.
  private var heldBack = InlineArray<4, UInt8>(repeating: 0)
  private var heldBackCount = 0

  private var control = InlineArray<125, UInt8>(repeating: 0)
  private var controlCount = 0

  private var inflater: WebSocketInflater
  private let allowsCompression: Bool

  /// - Parameter compression: what was negotiated of permessage-deflate, if anything.
  package init(_ limits: WebSocketLimits, compression: WebSocketCompression? = nil) {
    self.limits = limits
    allowsCompression = compression != nil
    inflater = WebSocketInflater(compression ?? WebSocketCompression())
  }

  /// Reads `input` up to the end of one event. Call it with the rest, even if that is empty, until the step is
  /// `incomplete`, `failed` or `close`.
  ///
  /// - Parameter message: where payload is appended. The caller empties it after `message` and `part`, and only then.
  ///   Its maximum is `limits.maxMessage` or more.
  /// - Returns: how many bytes of `input` are consumed, and what they make.
  package mutating func read(
    _ input: Bytes, into message: inout GrowingMemory<UInt8>
  ) -> (consumed: Int, step: Step) {
    if let (consumed, step) = takeShortMessage(input, into: &message) { return (consumed, step) }
    return readOn(input, into: &message)
  }

  /// Reads any input, piece by piece.
  @inline(never)
  private mutating func readOn(
    _ input: Bytes, into message: inout GrowingMemory<UInt8>
  ) -> (consumed: Int, step: Step) {
    var rest = input
    while true {
      let step: Step?
      switch stage {
      case .header: step = takeHeader(&rest, message: &message)
      case .payload: step = isCompressed ? inflate(&rest, into: &message) : take(&rest, into: &message)
      case .deflateTail: step = inflateTail(into: &message)
      case .control: step = takeControl(&rest, message: &message)
      case .closed: return (input.count, .incomplete)
      case .failed: return (input.count - rest.count, .failed(failure))
      }
      if let step { return (input.count - rest.count, step) }
    }
  }

  /// Calls `body` with the payload of the control frame that was read last, valid until it returns. That of a Close frame
  /// begins with the two bytes of the code.
  package func withControlPayload<Result>(_ body: (Bytes) -> Result) -> Result {
    unsafe control.span.withUnsafeBufferPointer { buffer in
      body(unsafe Bytes(base: buffer.baseAddress, count: controlCount))
    }
  }

  /// Calls `body` with the reason of the Close frame that was read last: UTF-8, valid until it returns.
  package func withCloseReason<Result>(_ body: (Bytes) -> Result) -> Result {
    withControlPayload { body($0.dropFirst(min(2, $0.count))) }
  }

  // MARK: Short messages

  /// Takes the usual message at once: it is in one frame with the shortest header, not compressed, and all of it is there.
  /// Nil, and nothing is changed, for all other input.
  @inline(__always)
  private mutating func takeShortMessage(
    _ input: Bytes, into message: inout GrowingMemory<UInt8>
  ) -> (consumed: Int, step: Step)? {
    guard stage == .header && keptCount == 0 && kind == nil, input.count >= 6 else { return nil }
    let (first, second) = (input[0], input[1])
    guard first == 0x81 || first == 0x82, second >= 0x80 && second <= 0x80 + 125 else { return nil }
    let count = Int(second & 0x7F)
    guard count <= input.count &- 6, count <= limits.maxFrame && count <= limits.maxMessage,
      message.makeRoom(count)
    else { return nil }
    let start = message.count
    message.append(input.slice(6, 6 &+ count), WebSocketMask(input.slice(2, 6)))
    guard first == 0x81 else { return (6 &+ count, .message(.binary)) }
    guard UTF8Validator.isValid(message.bytes.dropFirst(start)) else { return (6 &+ count, fail(.malformedText)) }
    return (6 &+ count, .message(.text))
  }

  // MARK: Headers

  /// Nil if the payload of a frame follows.
  private mutating func takeHeader(_ rest: inout Bytes, message: inout GrowingMemory<UInt8>) -> Step? {
    if keptCount == 0 {
      switch WebSocketFrameHeader.read(rest, allowsCompression: allowsCompression, maxFrame: limits.maxFrame) {
      case .header(let header):
        rest = rest.dropFirst(header.count)
        return begin(header)
      case .failed(let failure): return fail(failure)
      case .incomplete: break
      }
    }
    while !rest.isEmpty {
      kept[keptCount] = rest[0]
      keptCount += 1
      rest = rest.dropFirst(1)
      switch keptHeader() {
      case .header(let header):
        keptCount = 0
        return begin(header)
      case .failed(let failure): return fail(failure)
      case .incomplete: break
      }
    }
    return waiting(&message)
  }

  private func keptHeader() -> WebSocketFrameHeader.Result {
    unsafe kept.span.withUnsafeBufferPointer { buffer in
      WebSocketFrameHeader.read(
        unsafe Bytes(base: buffer.baseAddress, count: keptCount), allowsCompression: allowsCompression,
        maxFrame: limits.maxFrame)
    }
  }

  private mutating func begin(_ header: WebSocketFrameHeader) -> Step? {
    opcode = header.opcode
    isFinal = header.isFinal
    mask = header.mask
    remaining = header.length
    if header.opcode.isControl {
      stage = .control
      controlCount = 0
      return nil
    }
    if header.opcode == .continuation {
      guard kind != nil else { return fail(.unexpectedContinuation) }
    } else {
      guard kind == nil else { return fail(.interruptedMessage) }
      kind = header.opcode == .text ? .text : .binary
      isCompressed = header.isCompressed
      length = 0
      deflatedLength = 0
    }
    guard isCompressed || deliversParts || remaining <= limits.maxMessage - length else {
      return fail(.messageTooBig)
    }
    stage = .payload
    return nil
  }

  // MARK: Messages

  /// How much payload is unmasked before it is validated, so that it is still in the cache.
  private static let stretch = 16 << 10
  /// A part has room for a whole character.
  private static let leastPart = 16

  /// How many more bytes `message` may have.
  private func room(_ message: borrowing GrowingMemory<UInt8>) -> Int {
    deliversParts
      ? max(0, max(limits.maxMessage, WebSocketReader.leastPart) - message.count - heldBackCount)
      : limits.maxMessage - length
  }

  /// Takes payload that is not compressed; nil at the end of the frame if the message goes on.
  private mutating func take(_ rest: inout Bytes, into message: inout GrowingMemory<UInt8>) -> Step? {
    while remaining > 0 {
      let count = min(remaining, rest.count, WebSocketReader.stretch, room(message))
      guard count > 0 else { return waiting(&message) }
      guard restoreHeldBack(into: &message, andRoomFor: count) else { return fail(.messageTooBig) }
      let start = message.count
      message.append(rest.slice(0, count), mask)
      rest = rest.dropFirst(count)
      remaining -= count
      length &+= count
      mask = mask.after(count)
      guard kind != .text || utf8.take(message.bytes.dropFirst(start)) else { return fail(.malformedText) }
    }
    return endFrame(&message)
  }

  private mutating func endFrame(_ message: inout GrowingMemory<UInt8>) -> Step? {
    stage = .header
    guard isFinal else { return nil }
    guard let kind else { return nil }
    guard restoreHeldBack(into: &message, andRoomFor: 0) else { return fail(.messageTooBig) }
    guard kind != .text || utf8.isComplete else { return fail(.malformedText) }
    self.kind = nil
    return .message(kind)
  }

  /// The step when input is used up, or `message` is full.
  private mutating func waiting(_ message: inout GrowingMemory<UInt8>) -> Step {
    guard deliversParts, let kind else { return .incomplete }
    let unfinished = kind == .text ? utf8.unfinished : 0
    guard message.count > unfinished else { return .incomplete }
    let whole = message.count - unfinished
    for index in 0..<unfinished { heldBack[index] = message[whole + index] }
    heldBackCount = unfinished
    message.removeLast(unfinished)
    return .part(kind)
  }

  /// Appends what the last part was delivered without, and makes room for `count` bytes; false if there is none.
  private mutating func restoreHeldBack(into message: inout GrowingMemory<UInt8>, andRoomFor count: Int) -> Bool {
    guard message.makeRoom(heldBackCount + count) else { return false }
    for index in 0..<heldBackCount { message.append(heldBack[index]) }
    heldBackCount = 0
    return true
  }

  // MARK: Compressed messages

  /// Takes compressed payload (RFC 7692 section 7.2.2); nil at the end of the frame.
  private mutating func inflate(_ rest: inout Bytes, into message: inout GrowingMemory<UInt8>) -> Step? {
    while remaining > 0 || inflater.hasPendingOutput {
      // How much is unmasked at a time: up to where the ratio is checked.
      var plain = InlineArray<1024, UInt8>(repeating: 0)
      let count = min(remaining, rest.count, plain.count - deflatedLength % plain.count)
      guard count > 0 || inflater.hasPendingOutput else { return waiting(&message) }
      var span = plain.mutableSpan
      let (used, step) = unsafe span.withUnsafeMutableBufferPointer { buffer -> (Int, Step?) in
        guard let place = buffer.baseAddress else { return (0, nil) }
        if let source = unsafe rest.base { unsafe mask.apply(source, count, to: place) }
        return inflate(unsafe Bytes(base: place, count: count), into: &message)
      }
      rest = rest.dropFirst(used)
      remaining -= used
      mask = mask.after(used)
      if let step { return step }
    }
    // Clients send an empty message without the one byte that it has in section 7.2.3.6: zlib flushes nothing twice.
    if !isFinal || deflatedLength == 0 { return endFrame(&message) }
    stage = .deflateTail
    return nil
  }

  /// Inflates what the client has left out at the end of a message.
  private mutating func inflateTail(into message: inout GrowingMemory<UInt8>) -> Step? {
    let (_, step) = inflate(.empty, isTail: true, into: &message)
    return step ?? endFrame(&message)
  }

  /// - Parameter plain: unmasked payload.
  /// - Returns: how much of it is consumed, and what the caller has to hear of, if anything.
  private mutating func inflate(
    _ plain: Bytes, isTail: Bool = false, into message: inout GrowingMemory<UInt8>
  ) -> (Int, Step?) {
    guard restoreHeldBack(into: &message, andRoomFor: 0) else { return (0, fail(.messageTooBig)) }
    let (start, limit, stops) = (message.count, room(message), deliversParts)
    let (used, progress) =
      isTail
      ? inflater.finish(into: &message, limit: limit, stopsWhenFull: stops)
      : inflater.inflate(plain, into: &message, limit: limit, stopsWhenFull: stops)
    deflatedLength &+= used
    length &+= message.count - start
    if kind == .text && !utf8.take(message.bytes.dropFirst(start)) { return (used, fail(.malformedText)) }
    switch progress {
    case .inflated:
      // Where it is checked does not depend on how the message arrives.
      let isChecked = isTail || deflatedLength % 1024 == 0
      return (used, isChecked && isRatioTooHigh ? fail(.ratioTooHigh) : nil)
    case .full: return (used, waiting(&message))
    case .exceeds: return (used, fail(.messageTooBig))
    case .malformed: return (used, fail(.malformedCompression))
    case .outOfMemory: return (used, fail(.outOfMemory))
    }
  }

  private var isRatioTooHigh: Bool {
    length > limits.freeOfRatio && length / max(1, limits.maxRatio) > deflatedLength
  }

  // MARK: Control frames

  /// Takes the payload of a control frame.
  private mutating func takeControl(_ rest: inout Bytes, message: inout GrowingMemory<UInt8>) -> Step? {
    let count = min(remaining, rest.count)
    if count > 0, let source = unsafe rest.base {
      precondition(count <= control.count - controlCount)
      var span = control.mutableSpan
      unsafe span.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return }
        unsafe mask.apply(source, count, to: base + controlCount)
      }
      rest = rest.dropFirst(count)
      controlCount += count
      remaining -= count
      mask = mask.after(count)
    }
    guard remaining == 0 else { return waiting(&message) }
    stage = .header
    switch opcode {
    case .ping: return .ping
    case .pong: return .pong
    default: return close()
    }
  }

  /// Checks a Close frame (section 5.5.1).
  private mutating func close() -> Step {
    stage = .closed
    guard controlCount > 0 else { return .close(code: WebSocketCloseCode.absent, hasCode: false) }
    guard controlCount > 1 else { return fail(.malformedClose) }
    let code = UInt16(control[0]) << 8 | UInt16(control[1])
    guard WebSocketCloseCode.isValid(code) else { return fail(.invalidCloseCode) }
    return withCloseReason { UTF8Validator.isValid($0) }
      ? .close(code: code, hasCode: true) : fail(.malformedCloseReason)
  }

  private mutating func fail(_ failure: WebSocketFailure) -> Step {
    stage = .failed
    self.failure = failure
    return .failed(failure)
  }
}

extension GrowingMemory<UInt8> {
  /// Appends masked bytes without their mask. There is room for them, and they are not part of this memory.
  @inline(__always)
  fileprivate mutating func append(_ bytes: Bytes, _ mask: WebSocketMask) {
    precondition(bytes.count <= capacity - count)
    guard let source = unsafe bytes.base, let end = unsafe end else { return }
    unsafe mask.apply(source, bytes.count, to: end)
    appendWritten(bytes.count)
  }
}
