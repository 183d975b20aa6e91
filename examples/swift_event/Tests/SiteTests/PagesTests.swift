import OutriderTesting
import Testing

@testable import Site

struct PagesTests {
  @Test func hintsPrecedeThePage() async throws {
    try await withMockHost(Pages.self) { host in
      let exchange = try host.send(MockRequest("/"))
      let early = exchange.response
      #expect(early.informational.map(\.status) == [103])
      #expect(early.informational[0]["link"] == "</style.css>; rel=preload; as=style")
      #expect(early.ending == .open)

      host.advance(nanoseconds: 100_000_000)
      let response = exchange.response
      #expect(response.status == 200)
      #expect(response["content-type"] == "text/plain")
      #expect(response.body == "hello\n")
    }
  }

  @Test func otherPathsAreNotFound() async throws {
    try await withMockHost(Pages.self) { host in
      let response = try host.respond(to: "/other")
      #expect(response.status == 404)
    }
  }
}
