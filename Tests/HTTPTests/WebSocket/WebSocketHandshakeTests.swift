import HTTP
import Testing

@Suite struct WebSocketHandshakeTests {
  private func accept(_ key: String) -> String? {
    withBytes(key) { WebSocketHandshake.accept($0) }.map { accept in latin1((0..<28).map { accept[$0] }) }
  }

  /// The example of RFC 6455 section 1.3, and others by openssl(1).
  @Test func accepts() {
    #expect(accept("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
    #expect(accept("AAAAAAAAAAAAAAAAAAAAAA==") == "ICX+Yqv66kxgM0FcWaLWlFLwTAI=")
    #expect(accept("/////////////////////w==") == "XXpj4jYzLM2yUE0C7TIgMwTQh2g=")
  }

  @Test func keysAreSixteenBytes() {
    for key in ["dGhlIHNhbXBsZSBub25jZQ==", "+/+/+/+/+/+/+/+/+/+/+w=="] {
      #expect(withBytes(key, WebSocketHandshake.isKey))
    }
    for key in [
      "", "dGhlIHNhbXBsZSBub25jZQ=", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ===", "dGhlIHNhbXBsZSBub25jZQAA",
      "dGhlIHNhbXBsZSBub25jZQ=A", "dGhlIHNhbXBs-SBub25jZQ==", "dGhlIHNhbXBs SBub25jZQ==", "dGhlIHNhbXBs=SBub25jZQ==",
      "SGVsbG8sIHdvcmxkIQ==", "dGhlIHNhbXBsZSBub25j\u{E9}Q==",
    ] {
      #expect(!withBytes(key, WebSocketHandshake.isKey), "\(key)")
      #expect(accept(key) == nil)
    }
  }

  @Test func subprotocols() {
    for value in ["chat", "chat, superchat", " chat ,superchat\t", "a,A", "v1.json,v2.json"] {
      #expect(withBytes(value, WebSocketHandshake.areSubprotocols), "\(value)")
    }
    for value in ["", " , ", "chat, chat", "a b", "a,b,a", "a;b", "\"a\"", "a/b", "\u{E9}"] {
      #expect(!withBytes(value, WebSocketHandshake.areSubprotocols), "\(value)")
    }
    let many = (0..<64).map { "p\($0)" }.joined(separator: ",")
    #expect(withBytes(many, WebSocketHandshake.areSubprotocols))
    #expect(!withBytes(many + ",another", WebSocketHandshake.areSubprotocols))
  }

  @Test func offeredSubprotocols() {
    let offers = { (value: String, wanted: String) in
      withBytes(value) { value in withBytes(wanted) { WebSocketHandshake.offers(value, $0) } }
    }
    #expect(offers("chat, superchat", "chat") && offers("chat, superchat", "superchat"))
    for other in ["", "cha", "Chat", "super", "chat,", "chat, superchat"] { #expect(!offers("chat, superchat", other)) }
  }
}
