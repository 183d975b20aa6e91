import Outrider

struct Answer: AsyncHandler {
  static let plain: Fields = ["content-type": "text/plain"]

  init(_ host: OutriderHost) {}

  func handle(_ request: AsyncRequest) async throws { try request.respond(200, Self.plain, "Hello, Outrider!") }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Answer.plugin("same_answer", version: "1.0") }
