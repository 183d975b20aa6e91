import Outrider

struct Pages: EventHandler {
  static let hints: Fields = ["link": "</style.css>; rel=preload; as=style"]
  static let plain: Fields = ["content-type": "text/plain"]

  init(_ host: OutriderHost) {}

  func open(_ exchange: Exchange, _ head: Head) throws {
    switch head.path {
    case "/":
      try exchange.earlyHints(Self.hints)  // sent at once
      // The loop serves other requests meanwhile.
      try exchange.after(nanoseconds: 100_000_000) { reason in
        guard reason == nil else { return }  // the client has left
        _ = try? exchange.respond(200, Self.plain, "hello\n")
      }
    default:
      try exchange.respond(404, Self.plain, "not found\n")
    }
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Pages.plugin("hello", version: "1.0") }
