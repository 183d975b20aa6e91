import Outrider

struct Pages: Handler {
  static let hints: Fields = ["link": "</style.css>; rel=preload; as=style"]
  static let plain: Fields = ["content-type": "text/plain"]

  init(_ host: OutriderHost) {}

  func handle(_ request: borrowing Request) throws {
    switch request.head.path {
    case "/":
      try request.earlyHints(Self.hints)  // on the wire before this returns
      try request.respond(200, Self.plain, "hello\n")
    default:
      try request.respond(404, Self.plain, "not found\n")
    }
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Pages.plugin("hello", version: "1.0") }
