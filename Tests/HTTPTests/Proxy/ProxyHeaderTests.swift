import HTTP
import Testing

/// haproxy's proxy-protocol.txt.
@Suite struct ProxyHeaderTests {
  private static let signature = latin1("\r\n\r\n\0\r\nQUIT\n")

  private func binary(_ command: UInt8, _ family: UInt8, _ payload: [UInt8]) -> [UInt8] {
    ProxyHeaderTests.signature + [0x20 | command, family, UInt8(payload.count >> 8), UInt8(payload.count & 255)]
      + payload
  }

  private func client(_ header: [UInt8]) -> String {
    withBytes(header) { bytes in
      switch ProxyHeader.parse(bytes, .any) {
      case .incomplete: return "incomplete"
      case .refused: return "refused"
      case .complete(let length, let client):
        #expect(length == bytes.count)
        switch client {
        case .proxy: return "proxy"
        case .unknown: return "unknown"
        case .known(let route):
          switch route.source {
          case .text(let address): return "\(text(address)) \(route.sourcePort)"
          case .raw(let address): return "\(copy(address)) \(route.sourcePort)"
          }
        }
      }
    }
  }

  /// A client that the proxy does not name is not the proxy.
  @Test func whoseWordsFollow() {
    #expect(client(latin1("PROXY UNKNOWN\r\n")) == "unknown")
    #expect(client(latin1("PROXY UNKNOWN 192.0.2.1 192.0.2.2 1 2\r\n")) == "unknown")
    #expect(client(latin1("PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")) == "192.0.2.1 1")
    #expect(client(binary(0, 0, [])) == "proxy")
    #expect(client(binary(0, 0x11, Array(repeating: 1, count: 12))) == "proxy")
    #expect(client(binary(1, 0, [])) == "unknown")
    #expect(client(binary(1, 0x31, Array(repeating: 0, count: 216))) == "unknown")
    #expect(client(binary(1, 0x11, [1, 2, 3, 4, 5, 6, 7, 8, 0, 9, 0, 10])) == "[1, 2, 3, 4] 9")
    #expect(client(binary(1, 0x12, Array(repeating: 0, count: 12))) == "refused")
  }

  /// A buffer of that size is large enough to wait for the whole header.
  @Test func theLongestHasAVerdict() {
    let longest = binary(1, 0, Array(repeating: 0, count: 4096))
    #expect(longest.count == ProxyHeader.longest)
    #expect(client(longest) == "unknown" && client(Array(longest.dropLast())) == "incomplete")
    #expect(client(Array(binary(1, 0, Array(repeating: 0, count: 4097)).prefix(16))) == "refused")
    var random = SplitMix(23)
    for beginning in ["", "\r", "PROXY ", "PROXY TCP4 ", latin1(ProxyHeaderTests.signature)] {
      for _ in 0..<200 {
        let rest = (0..<ProxyHeader.longest).map { _ in UInt8.random(in: 0...255, using: &random) }
        let bytes = Array((latin1(beginning) + rest).prefix(ProxyHeader.longest))
        withBytes(bytes) { bytes in
          if case .incomplete = ProxyHeader.parse(bytes, .any) { Issue.record("\(bytes.escaped())") }
        }
      }
    }
  }
}
