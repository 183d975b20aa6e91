import Testing

@testable import HTTP
@testable import Workers

/// What an idle connection holds of the worker's own records. Tens of thousands are idle at once, and a field more is as many
/// times its size. A change that raises one of these bounds says why.
struct RecordSizeTests {
  // The last eight are the address of what plugins have asked of its TLS.
  @Test func aConnectionTakesItsRecord() { #expect(MemoryLayout<ConnectionRecord>.stride <= 344) }

  @Test func oneOfHTTP2TakesTwoMore() {
    #expect(MemoryLayout<HTTP2ConnectionRecord>.stride <= 184)
    #expect(MemoryLayout<HTTP2SessionState>.stride <= 456)
  }

  /// Handles cost an address, and their absence nothing more.
  @Test func aHandleIsAnAddress() {
    #expect(MemoryLayout<Connection?>.size == 8 && MemoryLayout<Request?>.size == 8 && MemoryLayout<Buffer?>.size == 8)
  }
}
