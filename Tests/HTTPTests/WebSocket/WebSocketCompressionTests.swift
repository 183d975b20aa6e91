import HTTP
import Testing

/// Offers of permessage-deflate (RFC 7692 section 7.1), and what the response says of them.
@Suite struct WebSocketCompressionTests {
  private func response(_ offers: String, wanted: WebSocketCompression = WebSocketCompression()) -> String {
    switch withBytes(offers, { WebSocketCompression.negotiate($0, wanted: wanted) }) {
    case .declined: "declined"
    case .malformed: "malformed"
    case .accepted(let compression):
      String(
        written(capacity: WebSocketCompression.longestResponse) { compression.append(to: &$0) }.dropFirst(
          "permessage-deflate".count))
    }
  }

  @Test func offers() {
    #expect(response("permessage-deflate") == "")
    #expect(response("permessage-deflate; client_max_window_bits") == "")
    #expect(response("permessage-deflate; client_max_window_bits=10") == "; client_max_window_bits=10")
    #expect(response("permessage-deflate; client_max_window_bits=15") == "")
    #expect(response("permessage-deflate; client_max_window_bits=8") == "; client_max_window_bits=8")
    #expect(response("permessage-deflate; server_max_window_bits=9") == "; server_max_window_bits=9")
    #expect(response("permessage-deflate;server_max_window_bits=\"12\"") == "; server_max_window_bits=12")
    #expect(response("permessage-deflate; server_max_window_bits=15") == "; server_max_window_bits=15")
    #expect(response("permessage-deflate ; server_no_context_takeover") == "; server_no_context_takeover")
    #expect(response("permessage-deflate; client_no_context_takeover") == "; client_no_context_takeover")
    let all =
      "; server_no_context_takeover; client_no_context_takeover; server_max_window_bits=10; client_max_window_bits=11"
    #expect(response("permessage-deflate" + all) == all)
    // In any order.
    #expect(
      response(
        "permessage-deflate;client_max_window_bits = 11 ;\tserver_max_window_bits=10;client_no_context_takeover;server_no_context_takeover"
      ) == all)
  }

  /// An offer that cannot be met is declined, and the next one counts.
  @Test func declined() {
    for parameters in [
      "unknown", "unknown=1", "server_no_context_takeover=1", "client_no_context_takeover=true",
      "server_max_window_bits",
      "server_max_window_bits=7", "server_max_window_bits=8", "server_max_window_bits=16", "server_max_window_bits=010",
      "server_max_window_bits=x", "server_max_window_bits=100", "client_max_window_bits=7", "client_max_window_bits=16",
      "client_max_window_bits=08", "client_max_window_bits=+9", "client_max_window_bits; client_max_window_bits",
      "client_max_window_bits=10; client_max_window_bits=10", "server_no_context_takeover; server_no_context_takeover",
      "server_max_window_bits=10; server_max_window_bits=10",
    ] {
      #expect(response("permessage-deflate; \(parameters)") == "declined", "\(parameters)")
      #expect(
        response("permessage-deflate; \(parameters), permessage-deflate; server_max_window_bits=10")
          == "; server_max_window_bits=10", "\(parameters)")
    }
    #expect(response("x-webkit-deflate-frame") == "declined")
    #expect(response("permessage-deflate2, permessage-deflat") == "declined")
    #expect(
      response("permessage-bzip2; level=9, permessage-deflate; client_max_window_bits=9")
        == "; client_max_window_bits=9")
    // The first that can be met is taken.
    #expect(
      response("permessage-deflate; server_max_window_bits=10, permessage-deflate") == "; server_max_window_bits=10")
  }

  @Test func malformed() {
    for value in [
      "", " ", ",", ";", "permessage-deflate;", "permessage-deflate; ", "permessage-deflate; =1",
      "permessage-deflate; a=",
      "permessage-deflate; a=\"1", "permessage-deflate; a=\"1\"x", "permessage-deflate; a=\"\"",
      "permessage-deflate; a=\"1 2\"",
      "permessage-deflate; a=\"1,2\"", "permessage-deflate a", "permessage-deflate; a b", "per message",
      "permessage-deflate; a==1",
      "permessage-deflate, ;", "permessage-deflate; a=1=2", "permessage-deflate, x; \u{E9}", "permessage-deflate;;a",
    ] {
      #expect(response(value) == "malformed", "\(value)")
    }
    // Empty elements of the list are not (RFC 9110 section 5.6.1.2).
    #expect(response(", permessage-deflate,,") == "")
  }

  /// The server's wishes, which an offer may exceed.
  @Test func wanted() {
    var wanted = WebSocketCompression()
    wanted.serverNoContextTakeover = true
    wanted.clientNoContextTakeover = true
    wanted.serverWindowBits = 11
    wanted.clientWindowBits = 12
    let both = "; server_no_context_takeover; client_no_context_takeover"
    #expect(response("permessage-deflate", wanted: wanted) == both + "; server_max_window_bits=11")
    #expect(
      response("permessage-deflate; client_max_window_bits", wanted: wanted)
        == both + "; server_max_window_bits=11; client_max_window_bits=12")
    #expect(
      response("permessage-deflate; client_max_window_bits=10; server_max_window_bits=9", wanted: wanted)
        == both + "; server_max_window_bits=9; client_max_window_bits=10")
    #expect(
      response("permessage-deflate; client_max_window_bits=15; server_max_window_bits=15", wanted: wanted)
        == both + "; server_max_window_bits=11; client_max_window_bits=12")
  }

  /// The windows that are agreed: the client's only if it may be told.
  @Test func windows() {
    var wanted = WebSocketCompression()
    wanted.clientWindowBits = 10
    func clientBits(_ offers: String) -> Int? {
      guard case .accepted(let agreed) = withBytes(offers, { WebSocketCompression.negotiate($0, wanted: wanted) })
      else { return nil }
      return agreed.clientWindowBits
    }
    #expect(clientBits("permessage-deflate") == 15)
    #expect(clientBits("permessage-deflate; client_max_window_bits") == 10)
    #expect(clientBits("permessage-deflate; client_max_window_bits=9") == 9)
  }
}
