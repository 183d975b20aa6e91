import Glibc
import HTTP
import Testing

/// RFC 3986 section 3.2, without userinfo.
@Suite struct AuthorityTests {
  private func isValid(_ text: String, portRequired: Bool = false) -> Bool {
    withBytes(text) { Authority.isValid($0, portRequired: portRequired) }
  }

  @Test(arguments: [
    "a", "example.org", "EXAMPLE.org", "a-b_c~d", "!$&'()*+,;=", "%41", "%c3%A9x", "a%20", "8080", "a..b", ".",
    "192.0.2.1", "999.1",
    "xn--caf-dma.example",
    "[::]", "[::1]", "[2001:DB8::1]", "[1:2:3:4:5:6:7:8]", "[1::]", "[1:2:3:4:5:6:7::]", "[::2:3:4:5:6:7:8]",
    "[::ffff:192.0.2.1]",
    "[1:2:3:4:5:6:192.0.2.255]", "[fe80::0001]",
  ])
  func hosts(host: String) {
    #expect(isValid(host))
    #expect(isValid(host + ":") && isValid(host + ":80") && isValid(host + ":65535") && isValid(host + ":0"))
    #expect(!isValid(host, portRequired: true) && !isValid(host + ":", portRequired: true))
    #expect(isValid(host + ":443", portRequired: true))
    #expect(!isValid(host + ":65536") && !isValid(host + ":a") && !isValid(host + ":-1") && !isValid(host + ":80:80"))
    #expect(!isValid(host + ":8 ") && !isValid(host + ": 8") && !isValid(host + ":99999999999999999999"))
    #expect(!isValid("user@" + host) && !isValid(host + "/") && !isValid(" " + host) && !isValid(host + " "))
  }

  @Test(arguments: [
    "", ":", ":80", "a b", "a\tb", "a/b", "a?b", "a#b", "a@b", "a\\b", "\"a\"", "<a>", "a^b", "a|b", "`a`", "{a}",
    "a\0", "a\u{7F}",
    "caf\u{E9}", "%", "%4", "a%", "a%4", "%zz", "%4g", "%%41", "a%:80",
    "::1", "1:2:3", "[", "]", "[]", "[::1", "::1]", "[[::1]]", "[::1]]", "[::1]x", "[::1]80", "a[::1]", "[a]", "[1]",
    "[:]", "[localhost]",
    "[192.0.2.1]", "[::g]", "[:: 1]", "[::1%25eth0]", "[::1%eth0]", "[user@::1]", "[::1/64]",
  ])
  func malformed(text: String) {
    #expect(!isValid(text))
    #expect(!isValid(text + ":80"))
  }

  /// Colons, dots and digits that make no IPv6 address.
  @Test(arguments: [
    "[:::]", "[::::]", "[1::2::3]", "[1:2]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]",
    "[12345::]", "[::12345]",
    "[1:]", "[:1]", "[:1:2:3:4:5:6:7:8]", "[1:2:3:4:5:6:7:8:]", "[::192.0.2]", "[::192.0.2.1.1]", "[::192.0.2.1:1]",
    "[::256.0.2.1]",
    "[192.0.2.1::]", "[::.]", "[::1.]", "[1:2:3:4:5:6:7:192.0.2.1]", "[::a.b.c.d]", "[1.2:3.4]",
  ])
  func noAddresses(text: String) {
    #expect(!isValid(text))
  }

  /// Against the C library's reader of addresses.
  @Test func randomAddresses() {
    var random = SplitMix(6)
    let groups = ["", "", "0", "1", "ab", "FFFF", "12345", "g", "1.2.3.4", "1.2.3", "1.2.3.256", "01.2.3.4", "::"]
    var valid = 0
    for _ in 0..<20_000 {
      // Most are as long as an address, and made of good groups.
      let chosen = random.next() % 4 == 0 ? groups : Array(groups[0..<6]) + ["1.2.3.4"]
      let count = Int.random(in: 1...9, using: &random)
      var address = (0..<count).map { _ in chosen.randomElement(using: &random) ?? "" }.joined(separator: ":")
      if count < 8 && random.next() % 2 == 0 { address = "::" + address }
      var network = in6_addr()
      let expected = unsafe inet_pton(AF_INET6, address, &network) == 1
      #expect(isValid("[\(address)]") == expected, "\(address)")
      if expected { valid += 1 }
    }
    #expect(valid > 1000)
  }

  @Test func portsWithZerosInFront() {
    #expect(isValid("a:00080") && isValid("a:000000000000000000000000000080") && !isValid("a:0000065536"))
  }

  /// Short ones are judged in one step, long ones otherwise: with the same outcome, whatever the byte and its place.
  @Test(arguments: ["a", "a.b-9", "example:80", "example:8080", "a.example:65535", "a:", "192.0.2.1:8000"])
  func shortAndLongAreJudgedAlike(text: String) {
    for place in 1..<text.utf8.count {
      for byte in UInt8.min...UInt8.max {
        var bytes = Array(text.utf8)
        bytes[place] = byte
        let long = Array("abcdefghijklmnop".utf8) + bytes
        let verdicts = unsafe bytes.withUnsafeBufferPointer { short in
          unsafe long.withUnsafeBufferPointer { long in
            unsafe (
              Authority.isValid(Bytes(base: short.baseAddress, count: short.count)),
              Authority.isValid(Bytes(base: long.baseAddress, count: long.count))
            )
          }
        }
        #expect(verdicts.0 == verdicts.1, "\(bytes)")
      }
    }
  }
}
