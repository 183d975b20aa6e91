/// Why a connection is failed (RFC 6455 section 7.1.7): determines the code of the Close frame, and the text for the log
/// and the client.
package enum WebSocketFailure: UInt8, Sendable, CaseIterable {
  case reservedBit, reservedOpcode, unmasked, fragmentedControl, longControl, longLength, hugeLength
  case unexpectedContinuation, interruptedMessage, malformedClose, invalidCloseCode
  case malformedText, malformedCloseReason
  case malformedCompression
  case frameTooBig, messageTooBig, ratioTooHigh
  case outOfMemory

  /// The code of the Close frame (RFC 6455 section 7.4.1).
  package var code: UInt16 {
    switch self {
    case .malformedText, .malformedCloseReason, .malformedCompression: WebSocketCloseCode.invalidPayload
    case .frameTooBig, .messageTooBig, .ratioTooHigh: WebSocketCloseCode.messageTooBig
    case .outOfMemory: WebSocketCloseCode.internalError
    default: WebSocketCloseCode.protocolError
    }
  }

  /// A phrase for the log and for the reason of the Close frame.
  package var reason: StaticString {
    switch self {
    case .reservedBit: "reserved bit in a frame"
    case .reservedOpcode: "reserved opcode"
    case .unmasked: "frame of a client without a mask"
    case .fragmentedControl: "fragmented control frame"
    case .longControl: "control frame of more than 125 bytes"
    case .longLength: "length of a frame not in its shortest form"
    case .hugeLength: "length of a frame above 63 bits"
    case .unexpectedContinuation: "continuation without a message"
    case .interruptedMessage: "new message within a fragmented one"
    case .malformedClose: "Close of one byte"
    case .invalidCloseCode: "invalid close code"
    case .malformedText: "text is not UTF-8"
    case .malformedCloseReason: "reason of Close is not UTF-8"
    case .malformedCompression: "compressed message does not inflate"
    case .frameTooBig: "frame larger than websocket.max_frame"
    case .messageTooBig: "message larger than websocket.max_message"
    case .ratioTooHigh: "compression ratio of a message is too high"
    case .outOfMemory: "no memory to inflate a message"
    }
  }
}
