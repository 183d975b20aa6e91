import Configuration
import Testing

/// `websocket.origins`, and the Origin fields that it is compared with.
@Suite struct OriginTests {
  @Test func allOriginsAreAllowedByDefault() throws {
    let origins = try settings(minimal).webSocket.origins
    #expect(origins == .all)
    #expect(["https://example.org", "null", "", "anything"].allSatisfy { origins.contains($0) })
  }

  @Test(arguments: [
    ("https://example.org", "https://example.org"), ("HTTPS://Example.ORG:443", "https://example.org"),
    ("http://localhost:80", "http://localhost"), ("https://localhost:80", "https://localhost:80"),
    ("http://[::1]:3000", "http://[::1]:3000"), ("http://[0:0::1]", "http://[::1]"),
    ("chrome-extension://abcdef", "chrome-extension://abcdef"),
    ("http://a_b.example:65535", "http://a_b.example:65535"),
  ])
  func serializedOrigins(text: String, expected: String) throws {
    #expect(try #require(WebOrigin(text)).description == expected)
    let read = try settings("websocket.origins = [\"\(text)\"]\n\(minimal)").webSocket.origins
    #expect(read.contains(text) && read.contains(expected))
  }

  @Test(arguments: [
    "null", "", "https://", "https:///", "https://example.org/", "https://example.org:", "https://example.org:0",
    "https://example.org:65536", "https://example.org:+1", "https://user@example.org", "//example.org", "example.org",
    "https://example.org https://example.org", "https://[::1", "https://[example.org]", "https://[::1]x", "1a://b",
    "https://exämple.org", "https://*.example.org", "https://a\u{0}", "https:/example.org", "https://a?b",
    "https://[1.2.3.4]",
  ])
  func whatIsNoOrigin(text: String) {
    #expect(WebOrigin(text) == nil)
  }

  @Test(arguments: [
    "http://example.org", "https://example.org:444", "https://www.example.org", "https://example.org.",
    "https://example.org.evil.example", "null", "", "https://example.org, https://example.org",
  ])
  func otherOrigins(value: String) throws {
    let origins = try settings("websocket.origins = [\"https://example.org\"]\n\(minimal)").webSocket.origins
    #expect(!origins.contains(value))
  }

  @Test func longOrigins() {
    #expect(WebOrigin("https://" + String(repeating: "a", count: 300)) != nil)
    #expect(WebOrigin("https://" + String(repeating: "a", count: 400)) == nil)
  }

  @Test(arguments: [
    (#""https://example.org""#, "1:21: websocket.origins: expected an array of origins, found \"https://example.org\""),
    ("[]", "1:21: websocket.origins: expected an array of origins, found an array"),
    ("[1]", "1:22: websocket.origins: expected text in quotes, found an integer"),
    (
      #"["https://example.org/"]"#,
      #"1:22: websocket.origins: expected an origin such as "https://example.org", found "https://example.org/"; did you mean "https://example.org"?"#
    ),
    (
      #"["http://a", "example.org"]"#,
      #"1:34: websocket.origins: expected an origin such as "https://example.org", found "example.org"; did you mean "https://example.org"?"#
    ),
    (
      #"["http://a", "*"]"#,
      #"1:34: websocket.origins: expected an origin such as "https://example.org", found "*"; all origins are ["*"] alone"#
    ),
    (
      #"["https://*.example.org"]"#,
      #"1:22: websocket.origins: expected an origin such as "https://example.org", found "https://*.example.org"; each host is listed by itself"#
    ),
    (
      #"["null"]"#,
      #"1:22: websocket.origins: expected an origin such as "https://example.org", found "null""#
    ),
    (#"["http://a", "http://A:80"]"#, "1:34: websocket.origins: is listed twice"),
  ])
  func badLists(value: String, expected: String) {
    #expect(diagnostics("websocket.origins = \(value)") == ["outrider.toml:\(expected)"])
  }

  @Test func theDumpReadsTheSame() throws {
    let text = "websocket.origins = [\"HTTPS://Example.org:443\", \"http://[::1]:3000\"]\n"
    let origins = try settings(text + minimal).webSocket.origins
    let written = #"["https://example.org", "http://[::1]:3000"]"#
    #expect(try settings("websocket.origins = \(written)\n\(minimal)").webSocket.origins == origins)
  }
}
