import HTTP
import Testing

@Suite struct KnownFieldTests {
  private static let names: [(String, KnownField)] = [
    ("connection", .connection), ("content-length", .contentLength), ("content-type", .contentType), ("date", .date),
    ("expect", .expect), ("forwarded", .forwarded), ("host", .host), ("keep-alive", .keepAlive),
    ("no-early-hints", .noEarlyHints), ("proxy-connection", .proxyConnection), ("server", .server), ("te", .te),
    ("trailer", .trailer), ("transfer-encoding", .transferEncoding), ("upgrade", .upgrade), ("via", .via),
    ("x-forwarded-for", .xForwardedFor), ("x-forwarded-host", .xForwardedHost), ("x-forwarded-proto", .xForwardedProto),
    ("x-request-id", .xRequestID), ("x-forwarded-port", .xForwardedOther), ("x-forwarded-prefix", .xForwardedOther),
    ("x-forwarded-x", .xForwardedOther),
  ]

  private func known(_ name: String) -> KnownField { withBytes(name) { KnownField($0) } }

  @Test(arguments: names)
  func namesInAnyCase(name: String, field: KnownField) {
    #expect(known(name) == field)
    #expect(known(name.uppercased()) == field)
    #expect(known(name.capitalized) == field)
  }

  /// No name but the right one will do: not with a byte more, a byte less, or any one byte changed.
  @Test(arguments: names.filter { $0.1 != .xForwardedOther })
  func almostNames(name: String, field: KnownField) {
    let bytes = latin1(name)
    func isIt(_ bytes: [UInt8]) -> Bool { withBytes(bytes) { KnownField($0) } == field }
    #expect(!isIt(Array(bytes.dropLast())) && !isIt(Array(bytes.dropFirst())))
    #expect(!isIt(bytes + [0x20]) && !isIt(bytes + [0x00]) && !isIt([0x20] + bytes) && !isIt(bytes + bytes))
    for index in bytes.indices {
      var changed = bytes
      for byte in UInt8.min...UInt8.max where ASCII.lowercased(byte) != bytes[index] {
        changed[index] = byte
        #expect(!isIt(changed), "\(latin1(changed).debugDescription)")
      }
    }
  }

  @Test(arguments: [
    "", "x", "accept", "cookie", "x-forwarded", "x-forwarded-", "x-forwarder-for", "x_forwarded_for", "content_length",
    "hosts",
  ])
  func otherNames(name: String) {
    #expect(known(name) == .other)
  }

  @Test func whatBelongsToTheConnection() {
    let belonging = KnownFieldTests.names.filter { $0.1.belongsToConnection }.map(\.0)
    #expect(
      belonging == ["connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"])
    #expect(!KnownField.other.belongsToConnection)
  }

  @Test func whatIsForbiddenInTrailers() {
    let allowed = KnownFieldTests.names.filter { !$0.1.isForbiddenInTrailers }.map(\.0)
    #expect(allowed == ["content-type", "date", "no-early-hints", "server"])
    #expect(!KnownField.other.isForbiddenInTrailers)
  }
}
