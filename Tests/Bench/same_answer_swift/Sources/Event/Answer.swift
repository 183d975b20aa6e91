import Outrider

struct Answer: EventHandler {
  static let plain: Fields = ["content-type": "text/plain"]

  init(_ host: OutriderHost) {}

  func open(_ exchange: Exchange, _ head: Head) throws { try exchange.respond(200, Self.plain, "Hello, Outrider!") }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Answer.plugin("same_answer", version: "1.0") }
