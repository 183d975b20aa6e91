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
      case .complete(let length, let client, _):
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
    for family: UInt8 in [0x01, 0x02, 0x10, 0x12, 0x20, 0x22, 0x30, 0x31, 0x32] {
      #expect(client(binary(1, family, Array(repeating: 0, count: 216))) == "unknown")
      #expect(client(binary(1, family, [])) == "unknown")
    }
    for family: UInt8 in [0x03, 0x13, 0x23, 0x33, 0x41, 0xF1] {
      #expect(client(binary(1, family, Array(repeating: 0, count: 216))) == "refused")
    }
  }

  /// `used` and the name, or "-" where nothing is said.
  private func tls(_ header: [UInt8]) -> String {
    withBytes(header) { bytes in
      guard case .complete(_, _, let tls) = ProxyHeader.parse(bytes, .any) else { return "not complete" }
      return tls.map { "\($0.isUsed) \(text($0.commonName))" } ?? "-"
    }
  }

  private func extending(_ type: UInt8, _ value: [UInt8]) -> [UInt8] {
    [type, UInt8(value.count >> 8), UInt8(value.count & 255)] + value
  }

  @Test func whatIsSaidOfTLS() {
    let addresses = [UInt8](repeating: 1, count: 12)
    let name = extending(0x21, latin1("TLSv1.3")) + extending(0x22, latin1("alice"))
    func said(_ flags: UInt8, _ verification: [UInt8] = [0, 0, 0, 0]) -> [UInt8] {
      extending(0x20, [flags] + verification + name)
    }
    #expect(tls(binary(1, 0x11, addresses)) == "-")
    #expect(tls(binary(1, 0x11, addresses + extending(4, [1, 2, 3]) + said(3))) == "true alice")
    #expect(tls(binary(1, 0x11, addresses + said(5))) == "true alice")
    // No certificate, one that was not verified, no TLS at all.
    #expect(tls(binary(1, 0x11, addresses + said(1))) == "true ")
    #expect(tls(binary(1, 0x11, addresses + said(3, [0, 0, 0, 1]))) == "true ")
    #expect(tls(binary(1, 0x11, addresses + said(0))) == "false ")
    #expect(tls(binary(1, 0x11, addresses + said(2))) == "false ")
    // Behind other addresses, and behind none.
    #expect(tls(binary(1, 0x21, [UInt8](repeating: 1, count: 36) + said(3))) == "true alice")
    #expect(tls(binary(1, 0x31, [UInt8](repeating: 1, count: 216) + said(3))) == "true alice")
    #expect(tls(binary(1, 0x00, said(3))) == "true alice")
    #expect(tls(binary(0, 0x11, addresses + said(3))) == "-")
    // What is no whole extension is none.
    #expect(tls(binary(1, 0x11, addresses + said(3).dropLast())) == "-")
    #expect(tls(binary(1, 0x11, addresses + extending(0x20, [3, 0, 0, 0]))) == "-")
    #expect(tls(binary(1, 0x11, addresses + extending(0x20, [3, 0, 0, 0, 0, 0x22, 0, 9, 65]))) == "true ")
  }

  @Test func aNameAsText() {
    func written(_ name: String) -> String {
      withBytes(Array(name.utf8)) { String(decoding: DistinguishedName.text(commonName: $0), as: UTF8.self) }
    }
    #expect(written("alice") == "CN=alice")
    #expect(written("a,b+c \"d\"\\;<>") == #"CN=a\,b\+c \"d\"\\\;\<\>"#)
    #expect(written(" #x ") == #"CN=\ #x\ "#)
    #expect(written("#x") == "CN=\\#x")
    #expect(written("é\r\n") == #"CN=\C3\A9\0D\0A"#)
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
