/// Why a request is refused before or instead of reaching a plugin: determines the client's status and the text in the
/// log.
package enum Refusal: UInt8, Sendable, CaseIterable {
  case malformedRequestLine, malformedMethod, malformedTarget, unsupportedVersion, missingLineEnd
  case malformedFieldName, malformedFieldValue, foldedField, underscoreInFieldName, duplicateField
  case missingHost, malformedHost
  case malformedContentLength, conflictingFraming, chunkedInHTTP10, malformedTransferEncoding, unsupportedCoding,
    unsupportedMethod
  case unknownExpectation
  case requestLineTooLong, fieldTooLong, tooManyFields, headTooLarge, bodyTooLarge
  case malformedChunk, chunkExtensionTooLong, forbiddenTrailer, truncatedBody
  case malformedProxyHeader, untrustedProxy
  case pathEscapesRoot, malformedPath, noSuchMount
  case headTimeout, bodyTimeout, belowMinimumRate
  case handlerFailed, handlerUnavailable, pluginPaused, requestTimeout
  case plainHTTPOverTLS, failedHandshake, handshakeTimeout
  case connectionField, conflictingHost
  case malformedPreface, malformedFrame, frameOnClosedStream, headerListTooLarge
  case resetFlood, provokedResetFlood, settingsFlood, pingFlood, priorityFlood, emptyFrameFlood, windowUpdateFlood,
    continuationFlood
  case stalledStream
  case headsTooLarge
  case keyUpdateFlood
  case gracefulTimeout, serverStopped
  case methodTooLong
  case handlerTimedOut
  case forbiddenOrigin

  /// The status of the response (RFC 9110 section 15).
  package var status: UInt32 {
    switch self {
    case .requestLineTooLong: 414
    case .fieldTooLong, .tooManyFields, .headTooLarge, .headsTooLarge: 431
    case .bodyTooLarge: 413
    case .unknownExpectation: 417
    case .forbiddenOrigin: 403
    case .noSuchMount: 404
    case .headTimeout, .bodyTimeout, .belowMinimumRate, .handshakeTimeout: 408
    case .unsupportedCoding, .unsupportedMethod, .methodTooLong: 501
    case .unsupportedVersion: 505
    case .handlerFailed: 500
    case .handlerUnavailable, .pluginPaused, .gracefulTimeout, .serverStopped: 503
    case .requestTimeout, .handlerTimedOut: 504
    default: 400
    }
  }

  /// The outcome of a request that is refused for this reason.
  package var outcome: RequestOutcome {
    switch self {
    case .headTimeout, .bodyTimeout, .belowMinimumRate, .requestTimeout, .handlerTimedOut, .stalledStream: .timeout
    case .truncatedBody: .clientGone
    case .gracefulTimeout, .serverStopped: .cancelled
    default: .complete
    }
  }

  /// The client gets a response, not only a reset of its stream or connection.
  package var isAnswered: Bool { self != .stalledStream && self != .keyUpdateFlood }

  /// A flood of frames, for which the connection ends with ENHANCE_YOUR_CALM (RFC 9113 section 10.5).
  package var isFlood: Bool {
    switch self {
    case .resetFlood, .provokedResetFlood, .settingsFlood, .pingFlood, .priorityFlood, .emptyFrameFlood: true
    case .windowUpdateFlood, .continuationFlood, .headerListTooLarge: true
    default: false
    }
  }

  /// A phrase for the log.
  package var reason: StaticString {
    switch self {
    case .malformedRequestLine: "malformed request line"
    case .malformedMethod: "method is not a token"
    case .methodTooLong: "method longer than 20 characters"
    case .malformedTarget: "malformed request target"
    case .unsupportedVersion: "unsupported HTTP version"
    case .missingLineEnd: "line does not end with CR LF"
    case .malformedFieldName: "field name is not a token"
    case .malformedFieldValue: "control character in a field value"
    case .foldedField: "folded field line"
    case .underscoreInFieldName: "underscore in a field name"
    case .duplicateField: "field that must stand once is repeated"
    case .missingHost: "request without Host"
    case .malformedHost: "malformed Host"
    case .malformedContentLength: "malformed Content-Length"
    case .conflictingFraming: "both Content-Length and Transfer-Encoding"
    case .chunkedInHTTP10: "Transfer-Encoding in HTTP/1.0"
    case .malformedTransferEncoding: "malformed Transfer-Encoding"
    case .unsupportedCoding: "unsupported transfer coding"
    case .unsupportedMethod: "CONNECT is for proxies"
    case .unknownExpectation: "unknown expectation"
    case .requestLineTooLong: "request line longer than limits.request_line"
    case .fieldTooLong: "field line longer than limits.field_size"
    case .tooManyFields: "more fields than limits.fields"
    case .headTooLarge: "head larger than limits.head"
    case .bodyTooLarge: "body larger than limits.body"
    case .malformedChunk: "malformed chunk"
    case .chunkExtensionTooLong: "chunk extensions longer than limits.chunk_extension"
    case .forbiddenTrailer: "field that must not come in trailers"
    case .truncatedBody: "body cut short"
    case .malformedProxyHeader: "no PROXY header, or a malformed one"
    case .untrustedProxy: "peer is not in proxy.trusted, and the listener wants a PROXY header"
    case .pathEscapesRoot: "path climbs out of the root"
    case .malformedPath: "malformed percent-encoding in the path"
    case .noSuchMount: "no plugin is mounted on this path"
    case .forbiddenOrigin: "Origin of the WebSocket is not in websocket.origins"
    case .headTimeout: "head not complete within timeouts.head"
    case .bodyTimeout: "body stalled longer than timeouts.body"
    case .belowMinimumRate: "slower than limits.min_rate"
    case .handlerFailed: "the plugin failed to answer"
    case .handlerUnavailable: "no handler is free"
    case .pluginPaused: "the plugin is paused, since it crashed plugin.max_fails workers"
    case .requestTimeout: "not answered within timeouts.request"
    case .handlerTimedOut: "the plugin gave up, since the time for its answer was over"
    case .plainHTTPOverTLS: "plain HTTP on a listener with TLS"
    case .failedHandshake: "TLS handshake failed"
    case .handshakeTimeout: "TLS handshake not complete within timeouts.head"
    case .connectionField: "field of the connection in HTTP/2"
    case .conflictingHost: "Host is not :authority"
    case .malformedPreface: "malformed HTTP/2 connection preface"
    case .malformedFrame: "HTTP/2 protocol error"
    case .frameOnClosedStream: "HTTP/2 frame on a stream that is over"
    case .headerListTooLarge: "header list larger than http2.max_header_list_size"
    case .resetFlood:
      "more RST_STREAM frames than http2.max_resets_per_second, and ten times http2.max_concurrent_streams before"
    case .provokedResetFlood: "more streams reset for errors than http2.max_resets_per_second"
    case .settingsFlood: "more SETTINGS frames than http2.max_settings_per_second"
    case .pingFlood: "more PING frames than http2.max_pings_per_second"
    case .priorityFlood: "more PRIORITY, unknown or late frames than http2.max_priorities_per_second"
    case .emptyFrameFlood: "more empty frames than http2.max_empty_frames_per_second"
    case .windowUpdateFlood: "more WINDOW_UPDATE frames than http2.max_window_updates_per_second"
    case .continuationFlood: "too many CONTINUATION frames"
    case .headsTooLarge: "heads of a connection's streams larger together than http2.max_head_memory"
    case .keyUpdateFlood: "more TLS key updates or renegotiations than 32 a second"
    case .gracefulTimeout: "not answered when server.graceful_timeout was over"
    case .serverStopped: "not answered when the server was stopped"
    case .stalledStream: "stream takes its answer slower than timeouts.write and limits.min_rate"
    }
  }
}
