/// Codes of Close frames (RFC 6455 section 7.4, and IANA's registry of them).
package enum WebSocketCloseCode {
  package static var normal: UInt16 { 1000 }
  package static var goingAway: UInt16 { 1001 }
  package static var protocolError: UInt16 { 1002 }
  package static var unsupportedData: UInt16 { 1003 }
  /// What the application is told of a Close without a code. Never in a frame.
  package static var absent: UInt16 { 1005 }
  /// What the application is told of a connection that ends without Close. Never in a frame.
  package static var abnormal: UInt16 { 1006 }
  package static var invalidPayload: UInt16 { 1007 }
  package static var policyViolation: UInt16 { 1008 }
  package static var messageTooBig: UInt16 { 1009 }
  package static var internalError: UInt16 { 1011 }
  package static var serviceRestart: UInt16 { 1012 }
  package static var tryAgainLater: UInt16 { 1013 }

  /// Whether a Close frame may have this code, from either side: the codes for use on the wire that are registered, and
  /// those for libraries and applications (sections 7.4.1 and 7.4.2).
  package static func isValid(_ code: UInt16) -> Bool {
    switch code {
    case 1000...1003, 1007...1014, 3000...4999: true
    default: false
    }
  }
}
