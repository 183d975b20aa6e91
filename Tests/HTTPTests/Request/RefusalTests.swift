import HTTP
import Testing

@Suite struct RefusalTests {
  @Test func statuses() {
    let special: [Refusal: UInt32] = [
      .requestLineTooLong: 414, .fieldTooLong: 431, .tooManyFields: 431, .headTooLarge: 431, .bodyTooLarge: 413,
      .unknownExpectation: 417, .noSuchMount: 404, .headTimeout: 408, .bodyTimeout: 408, .belowMinimumRate: 408,
      .unsupportedCoding: 501, .unsupportedMethod: 501, .methodTooLong: 501, .unsupportedVersion: 505,
      .handlerFailed: 500, .handlerTimedOut: 504,
      .handlerUnavailable: 503, .pluginPaused: 503, .requestTimeout: 504, .handshakeTimeout: 408, .headsTooLarge: 431,
      .gracefulTimeout: 503, .serverStopped: 503, .forbiddenOrigin: 403,
    ]
    for refusal in Refusal.allCases { #expect(refusal.status == special[refusal] ?? 400, "\(refusal)") }
  }

  /// Each tells the operator something else.
  @Test func reasons() {
    let reasons = Refusal.allCases.map { text(Bytes($0.reason)) }
    #expect(Set(reasons).count == reasons.count)
    #expect(reasons.allSatisfy { !$0.isEmpty })
  }
}
