import HTTP
import Testing

@testable import Workers

/// The log's line of a request that is refused.
struct RefusalLineTests {
  private func line(_ refusal: Refusal, _ response: RefusalLine.Response) -> String {
    RefusalLine(refusal: refusal, peer: "192.0.2.1:80", response: response).text
  }

  @Test func whatTheClientGetsComesFirst() {
    #expect(
      line(.headTooLarge, .none) == "\(Refusal.headTooLarge.status) to 192.0.2.1:80: \(Refusal.headTooLarge.reason)")
    #expect(line(.handlerFailed, .cut).hasPrefix("answer cut off to 192.0.2.1:80: "))
    #expect(line(.gracefulTimeout, .complete).hasPrefix("answered all the same to 192.0.2.1:80: "))
  }

  @Test func whatIsNotAnsweredIsReset() throws {
    let refusal = try #require(Refusal.allCases.first { !$0.isAnswered })
    for response in [RefusalLine.Response.none, .cut, .complete] {
      #expect(line(refusal, response).hasPrefix("reset to 192.0.2.1:80: "))
    }
  }

  @Test func aRequestIsNamedByWhatIsKnownOfIt() {
    let (get, path) = (Bytes("GET"), Bytes("/a"))
    #expect(RefusalLine.description(method: .empty, path: .empty, plugin: nil, id: nil) == "")
    #expect(RefusalLine.description(method: get, path: path, plugin: nil, id: nil) == " (GET /a)")
    #expect(
      RefusalLine.description(method: get, path: path, plugin: "shop", id: "7f") == " (GET /a) plugin=shop request=7f")
  }

  @Test func aLongPathIsCutOff() {
    let text = String(repeating: "x", count: 500)
    var path = "/" + text
    let words = path.withUTF8 { bytes in
      unsafe RefusalLine.description(
        method: Bytes("GET"), path: Bytes(base: bytes.baseAddress, count: bytes.count), plugin: nil, id: nil)
    }
    #expect(words.utf8.count < 110)
  }
}
