/// The settings of `[http2]`.
package struct HTTP2Settings: Sendable {
  package var maxConcurrentStreams: UInt32 = 100
  package var initialWindowSize: UInt32 = 65_536
  package var maxFrameSize: UInt32 = 16_384
  /// In the unit of SETTINGS: uncompressed, plus 32 bytes for each field (RFC 9113 section 6.5.2).
  package var maxHeaderListSize: UInt32 = 65_536
  /// Clients may send an extended CONNECT (RFC 8441).
  package var allowsWebSocket = false
  package var floods = HTTP2FloodLimits()

  package init() {}
}
