import HTTP
import Testing

@testable import Configuration
@testable import Workers

@Suite struct ForwardingTests {
  private struct Seen: Equatable {
    var client: String?
    var port: UInt16 = 0
    var scheme: String?
    var host: String?
    var ignored: [String] = []
  }

  private static let all: TrustedFields = [.xForwardedFor, .xForwardedProto, .xForwardedHost, .forwarded]

  /// What the fields say; 10.0.0.0/8 is trusted.
  private func read(_ lines: [(StaticString, StaticString)], _ accepted: TrustedFields = all) throws -> Seen {
    var trusted = TrustedPeers()
    try trusted.insert("10.0.0.0/8")
    let forwarding = Forwarding(trusted: trusted, fields: accepted)
    let fields = lines.map { Field(name: Bytes($0.0), value: Bytes($0.1)) }
    return unsafe fields.withUnsafeBufferPointer { buffer in
      var ignored: [Forwarding.Ignored] = []
      let told = forwarding.read(unsafe Fields(base: buffer.baseAddress, count: buffer.count), &ignored)
      return Seen(
        client: told.client?.address.escaped(), port: told.client?.port ?? 0, scheme: told.scheme?.name.escaped(),
        host: told.host?.escaped(), ignored: ignored.map { "\($0.field): \($0)" })
    }
  }

  @Test func theClientIsTheLastHopThatIsNoProxy() throws {
    #expect(try read([("x-forwarded-for", "6.6.6.6, 192.0.2.7, 10.1.1.1")]).client == "192.0.2.7")
    #expect(try read([("x-forwarded-for", "10.2.2.2, 10.1.1.1")]).client == "10.2.2.2")
    #expect(try read([("forwarded", "for=\"[2001:db8::1]:8080\", for=10.1.1.1")]).client == "2001:db8::1")
  }

  @Test func aFieldThatIsNotListedCountsForNothing() throws {
    let lines: [(StaticString, StaticString)] = [("x-forwarded-for", "192.0.2.7"), ("x-forwarded-proto", "https")]
    #expect(try read(lines, [.xForwardedProto]) == Seen(scheme: "https"))
    #expect(try read(lines, []) == Seen())
  }

  /// What is beyond an element that is no address can't be known.
  @Test func whatMakesNoSenseIsIgnoredAndTold() throws {
    let seen = try read([("x-forwarded-for", "192.0.2.7, nonsense, 10.1.1.1"), ("x-forwarded-proto", "gopher")])
    #expect(seen.client == "10.1.1.1" && seen.scheme == nil)
    #expect(
      seen.ignored == [
        "X-Forwarded-For: nonsense is no address", "X-Forwarded-Proto: gopher is neither http nor https",
      ])
    #expect(try read([("forwarded", "for=unknown")]) == Seen())
    #expect(try read([("forwarded", "for=\"")]).ignored == ["Forwarded: it is malformed"])
  }

  @Test func whereTheTwoKindsDifferTheFormerCount() throws {
    let seen = try read([("x-forwarded-for", "192.0.2.7"), ("forwarded", "for=192.0.2.8;proto=https;host=example.org")])
    #expect(seen.client == "192.0.2.7" && seen.scheme == "https" && seen.host == "example.org")
    #expect(seen.ignored == ["Forwarded: it contradicts X-Forwarded-*"])
    let same = try read([("x-forwarded-for", "2001:DB8::1"), ("forwarded", "for=\"[2001:db8:0::1]\"")])
    #expect(same.ignored == [])
  }
}
