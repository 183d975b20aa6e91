import COutriderPlugin

/// A whole message of a WebSocket (RFC 6455), a copy.
public enum WebSocketMessage: Sendable, Equatable {
  case text(String)
  case binary([UInt8])
}

/// Why a WebSocket is closed (RFC 6455 section 7.4). A plugin's own codes are 4000 to 4999.
@frozen public struct WebSocketCloseCode: RawRepresentable, Hashable, Sendable {
  public let rawValue: UInt16
  @inlinable public init(rawValue: UInt16) { self.rawValue = rawValue }

  /// The purpose is fulfilled.
  public static var normal: WebSocketCloseCode { .init(rawValue: 1000) }
  /// The endpoint goes away.
  public static var goingAway: WebSocketCloseCode { .init(rawValue: 1001) }
  /// The client has violated the protocol.
  public static var protocolError: WebSocketCloseCode { .init(rawValue: 1002) }
  /// Messages of that kind are not accepted.
  public static var unsupportedData: WebSocketCloseCode { .init(rawValue: 1003) }
  /// The client's Close had no code. It is not sent.
  public static var noStatus: WebSocketCloseCode { .init(rawValue: 1005) }
  /// A message was not what its kind says.
  public static var invalidData: WebSocketCloseCode { .init(rawValue: 1007) }
  /// A message violates the policy of the endpoint.
  public static var policy: WebSocketCloseCode { .init(rawValue: 1008) }
  /// A message is too large.
  public static var tooBig: WebSocketCloseCode { .init(rawValue: 1009) }
  /// The handler has failed.
  public static var internalError: WebSocketCloseCode { .init(rawValue: 1011) }
  /// The worker drains: come again.
  public static var serviceRestart: WebSocketCloseCode { .init(rawValue: 1012) }
  /// Come again later.
  public static var tryAgainLater: WebSocketCloseCode { .init(rawValue: 1013) }
}

/// How a WebSocket has ended.
public struct WebSocketClose: Sendable, Equatable {
  /// Of the client's Close, or that the host has sent.
  public let code: WebSocketCloseCode
  /// The reason, or nothing.
  public let reason: String
  /// Whether the host closes it: a violation of the protocol, a limit, a deadline, or a drain.
  public let isByHost: Bool
}

extension Head {
  /// Whether the request is the handshake of a WebSocket, which may be accepted. Any response refuses it.
  public var isWebSocket: Bool { has(OUTRIDER_HEAD_WEBSOCKET) }

  /// Whether the client offers that subprotocol for the WebSocket.
  public func offers(_ subprotocol: String) -> Bool {
    let fields = self.fields
    for index in fields.indices where fields[index].name.equals(ignoringCase: "sec-websocket-protocol") {
      for element in String(fields[index].value).utf8.split(separator: UInt8(ascii: ",")) {
        let isSpace: (UInt8) -> Bool = { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "\t") }
        let start = element.drop(while: isSpace)
        let end = start.lastIndex { !isSpace($0) }
        if let end, start[...end].elementsEqual(subprotocol.utf8) { return true }
      }
    }
    return false
  }
}
