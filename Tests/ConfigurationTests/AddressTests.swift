import Configuration
import Testing

@Suite struct AddressTests {
  @Test(arguments: [
    ("127.0.0.1:8000", "127.0.0.1:8000"), ("0.0.0.0:0", "0.0.0.0:0"), ("localhost:80", "127.0.0.1:80"),
    ("[::1]:65535", "[::1]:65535"), ("[2001:DB8:0::1]:1", "[2001:db8::1]:1"), ("[::]:80", "[::]:80"),
    ("unix:/run/o.sock", "unix:/run/o.sock"), ("fd:3", "fd:3"), ("systemd:http.socket", "systemd:http.socket"),
  ])
  func goodBinds(text: String, expected: String) throws {
    let settings = try settings("[[listener]]\nbind = \"\(text)\"\n\(minimal)")
    #expect(settings.listeners.map(\.bind.description) == [expected])
  }

  @Test func partsOfABind() throws {
    let settings = try settings("[[listener]]\nbind = \"192.0.2.1:81\"\n[[listener]]\nbind = \"[::2]:82\"\n\(minimal)")
    guard case .inet(let v4, 81) = settings.listeners[0].bind, case .inet(let v6, 82) = settings.listeners[1].bind
    else {
      Issue.record("\(settings.listeners)")
      return
    }
    #expect(v4.isIPv4 && v4.bytes == [192, 0, 2, 1])
    #expect(!v6.isIPv4 && v6.bytes == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2])
  }

  @Test(arguments: [
    (":8000", #"no host in ":8000"; say "0.0.0.0:8000" or "[::]:8000" for all"#),
    ("8000", #"expected host:port, [v6]:port, unix:/path, fd:N or systemd:NAME, found "8000""#),
    ("", #"expected host:port, [v6]:port, unix:/path, fd:N or systemd:NAME, found """#),
    ("example.org:80", #""example.org" is not an IPv4 address; names other than localhost are not looked up"#),
    ("127.0.0.1:65536", #"the port is a number from 0 to 65535, found "65536""#),
    ("127.0.0.1:", #"the port is a number from 0 to 65535, found """#),
    ("127.0.0.1:+1", #"the port is a number from 0 to 65535, found "+1""#),
    ("127.0.0.1:99999999999999999999", #"the port is a number from 0 to 65535, found "99999999999999999999""#),
    ("[::1]", #"no port in "[::1]"; say "[::1]:8000""#),
    ("127.0.0.1", #"no port in "127.0.0.1"; say "127.0.0.1:8000""#),
    ("*:80", #"no host in "*:80"; say "0.0.0.0:80" or "[::]:80" for all"#),
    ("http://[::1]:80/x", #"an address has no scheme, found "http://[::1]:80/x"; say "[::1]:80""#),
    ("tcp:0.0.0.0:80", #"an address has no scheme, found "tcp:0.0.0.0:80"; say "0.0.0.0:80""#),
    ("::", #"an IPv6 address stands in brackets, as in "[::1]:8000""#),
    ("::1:80", #"an IPv6 address stands in brackets, as in "[::1]:8000""#),
    ("[127.0.0.1]:80", #""[127.0.0.1]" is not an IPv6 address in brackets"#),
    ("[::1%lo]:80", #""[::1%lo]" is not an IPv6 address in brackets"#),
    ("[]:80", #""[]" is not an IPv6 address in brackets"#),
    ("127.0.0.01:80", #""127.0.0.01" is not an IPv4 address; names other than localhost are not looked up"#),
    ("unix:o.sock", "the path after unix: begins with /"),
    ("unix:", "the path after unix: begins with /"),
    ("systemd:", "the name after systemd: is FileDescriptorName= of the socket unit, found \"\""),
    ("systemd:a:b", "the name after systemd: is FileDescriptorName= of the socket unit, found \"a:b\""),
    ("fd:2", "the number after fd: is that of an open descriptor, from 3 on, found \"2\""),
    ("fd:x", "the number after fd: is that of an open descriptor, from 3 on, found \"x\""),
    ("fd:99999999999", "the number after fd: is that of an open descriptor, from 3 on, found \"99999999999\""),
  ])
  func badBinds(text: String, expected: String) {
    #expect(diagnostics("[[listener]]\nbind = \"\(text)\"") == ["outrider.toml:2:8: listener.bind: \(expected)"])
  }

  @Test func longSocketPaths() {
    let longest = "/" + String(repeating: "x", count: 106)
    #expect(diagnostics("[[listener]]\nbind = \"unix:\(longest)\"").isEmpty)
    #expect(
      diagnostics("[[listener]]\nbind = \"unix:\(longest)x\"")
        == ["outrider.toml:2:8: listener.bind: the path of a unix socket has at most 107 bytes"])
    #expect(diagnostics("[[listener]]\nbind = \"unix:/a\\u0000b\"").count == 1)
    #expect(diagnostics("[[listener]]\nbind = \"127.0.0.1\\u0000:80\"").count == 1)
  }

  private func peers(_ list: String) throws -> TrustedPeers {
    try settings("proxy.trusted = [\(list)]\n\(minimal)").proxy.trusted
  }

  @Test(arguments: [
    ("'10.0.0.0/8'", "10.255.1.2", true), ("'10.0.0.0/8'", "11.0.0.0", false), ("'10.0.0.0/8'", "::10.0.0.1", false),
    ("'10.0.0.0/8'", "::ffff:10.0.0.1", true), ("'192.0.2.1'", "192.0.2.1", true), ("'192.0.2.1'", "192.0.2.2", false),
    ("'192.0.2.1/32'", "192.0.2.1", true), ("'0.0.0.0/0'", "8.8.8.8", true), ("'0.0.0.0/0'", "::1", false),
    ("'::/0'", "2001:db8::1", true), ("'::/0'", "8.8.8.8", false), ("'::/0'", "::ffff:8.8.8.8", false),
    ("'2001:db8::/33'", "2001:db8:7fff::1", true), ("'2001:db8::/33'", "2001:db8:8000::1", false),
    ("'::ffff:10.0.0.0/104'", "10.1.1.1", true), ("'::1', '127.0.0.1'", "127.0.0.1", true),
    ("'unix'", "127.0.0.1", false), ("", "127.0.0.1", false), ("'10.0.0.128/25'", "10.0.0.127", false),
  ])
  func trusted(list: String, address: String, expected: Bool) throws {
    let peers = try peers(list)
    let address = try #require(IPAddress(address))
    #expect(peers.contains(address) == expected)
    #expect(isTrusted(address.bytes, by: peers) == expected)
  }

  @Test func addressesOfNoKnownLengthAreNotTrusted() throws {
    let peers = try peers("'0.0.0.0/0', '::/0', 'unix'")
    #expect(peers.includesUnixPeers)
    for count in [0, 3, 5, 15, 17] {
      #expect(!isTrusted([UInt8](repeating: 0, count: count), by: peers))
    }
    // As a dual-stack socket gives it: the IPv4 address.
    let mapped: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF, 10, 0, 0, 1]
    #expect(isTrusted(mapped, by: try self.peers("'10.0.0.1'")))
  }

  @Test(arguments: [
    ("localhost", #"expected an address, a network such as "10.0.0.0/8", or "unix", found "localhost""#),
    (
      "*",
      #"expected an address, a network such as "10.0.0.0/8", or "unix", found "*"; everyone is "0.0.0.0/0", "::/0", "unix""#
    ),
    ("10.0.0.0/33", #"the prefix length of "10.0.0.0/33" is not from 0 to 32"#),
    ("10.0.0.0/", #"the prefix length of "10.0.0.0/" is not from 0 to 32"#),
    ("10.0.0.0/-1", #"the prefix length of "10.0.0.0/-1" is not from 0 to 32"#),
    ("::/129", #"the prefix length of "::/129" is not from 0 to 128"#),
    ("::ffff:10.0.0.0/8", #"the prefix length of "::ffff:10.0.0.0/8" is not from 96 to 128"#),
    ("10.1.0.0/8", #""10.1.0.0/8" has bits beyond its prefix; did you mean "10.0.0.0/8"?"#),
    ("2001:db8::1/32", #""2001:db8::1/32" has bits beyond its prefix; did you mean "2001:db8::/32"?"#),
    ("10.0.0.0/8/8", #"the prefix length of "10.0.0.0/8/8" is not from 0 to 32"#),
  ])
  func badPeers(text: String, expected: String) {
    #expect(diagnostics("proxy.trusted = [\"\(text)\"]") == ["outrider.toml:1:18: proxy.trusted: \(expected)"])
  }
}
