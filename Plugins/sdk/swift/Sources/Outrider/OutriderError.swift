public import COutriderPlugin

/// A refusal of the host, or the end of an exchange: a negative status of outrider.h, and the call that returned it.
public struct OutriderError: Error, Sendable {
  /// The statuses that can be refusals. Their comments are those of outrider.h.
  @frozen public struct Code: RawRepresentable, Hashable, Sendable {
    public let rawValue: Int32
    @inlinable public init(rawValue: Int32) { self.rawValue = rawValue }

    /// Not allowed at this point of the exchange: a second final head, or a hint after it.
    public static var state: Code { Code(rawValue: OUTRIDER_E_STATE) }
    /// An argument is malformed: a field, a status, a length.
    public static var invalid: Code { Code(rawValue: OUTRIDER_E_INVALID) }
    /// The exchange is over, or the client has left.
    public static var closed: Code { Code(rawValue: OUTRIDER_E_CLOSED) }
    /// The host ended the exchange: a deadline passed, or the worker must stop.
    public static var cancelled: Code { Code(rawValue: OUTRIDER_E_CANCELLED) }
    /// This host, protocol or style does not support the call.
    public static var unsupported: Code { Code(rawValue: OUTRIDER_E_UNSUPPORTED) }
    /// A configured limit is reached; repeating the call does not help.
    public static var limit: Code { Code(rawValue: OUTRIDER_E_LIMIT) }
    /// There is no room at the moment, and nothing was accepted.
    public static var again: Code { Code(rawValue: OUTRIDER_E_AGAIN) }
    /// The call was made on the wrong thread.
    public static var thread: Code { Code(rawValue: OUTRIDER_E_THREAD) }
    /// A file could not be read, or a system call failed.
    public static var io: Code { Code(rawValue: OUTRIDER_E_IO) }
    /// The plugin itself has failed. The host never returns it.
    public static var failed: Code { Code(rawValue: OUTRIDER_E_FAILED) }
  }

  /// What the host returned.
  public let code: Code
  /// The call that returned it, such as "respond".
  public let call: StaticString

  public init(_ code: Code, in call: StaticString) {
    self.code = code
    self.call = call
  }

  /// Whether the client has left or the host has ended the exchange. That is no fault of the plugin.
  public var isEndOfExchange: Bool { code == .closed || code == .cancelled }
}

extension OutriderError: Equatable {
  public static func == (one: OutriderError, other: OutriderError) -> Bool { one.code == other.code }
}

extension OutriderError: CustomStringConvertible {
  /// The call and the name of the status: `respond: OUTRIDER_E_STATE, not allowed at this point of the exchange`.
  public var description: String { "\(call): \(code)" }
}

extension OutriderError.Code: CustomStringConvertible {
  public var description: String {
    switch self {
    case .state: "OUTRIDER_E_STATE, not allowed at this point of the exchange"
    case .invalid: "OUTRIDER_E_INVALID, an argument is malformed"
    case .closed: "OUTRIDER_E_CLOSED, the exchange is over"
    case .cancelled: "OUTRIDER_E_CANCELLED, the host ended the exchange"
    case .unsupported: "OUTRIDER_E_UNSUPPORTED, not supported here"
    case .limit: "OUTRIDER_E_LIMIT, a configured limit is reached"
    case .again: "OUTRIDER_E_AGAIN, no room at the moment"
    case .thread: "OUTRIDER_E_THREAD, the wrong thread"
    case .io: "OUTRIDER_E_IO, a file or a system call failed"
    case .failed: "OUTRIDER_E_FAILED, the plugin has failed"
    default: "status \(rawValue)"
    }
  }
}

/// What became of a call that the host accepted.
@frozen public enum Acceptance: Sendable {
  /// It is sent, or will be.
  case sent
  /// It was allowed, but nothing is sent: a 103 to HTTP/1.0, or the body of a response to HEAD.
  case skipped
  /// It is accepted, and the queue is more than half full: in event style, send no more until `Event.resume`.
  case paused

  /// Translates a status of the host.
  @inlinable @discardableResult
  init(_ status: outrider_status, of call: StaticString) throws(OutriderError) {
    switch status {
    case OUTRIDER_OK: self = .sent
    case OUTRIDER_SKIPPED: self = .skipped
    case OUTRIDER_PAUSE: self = .paused
    default:
      guard status > 0 else { throw OutriderError(.init(rawValue: status), in: call) }
      self = .sent
    }
  }
}
