// An async handler that asks a database without threads of its own: GET /KEY responds with the value that redis has.
// Configuration: address = "127.0.0.1", port = 6379.

import Outrider

struct Pages: AsyncHandler {
  struct Settings: Decodable {
    let address: String?
    let port: Int?
  }

  let redis: Redis

  init(_ host: OutriderHost) throws {
    let settings = try host.configuration.decode(Settings.self)
    redis = Redis(settings.address ?? "127.0.0.1", settings.port ?? 6379, host)
  }

  func handle(_ request: AsyncRequest) async throws {
    let key = request.withHead { head in [UInt8](head.path.dropFirst(1)) }
    do {
      guard let value = try await redis.get(key) else { return try request.respond(404, .none, "no such key\n") }
      try request.respond(200, .none, value)
    } catch  where error is SystemError || error is RedisError {
      request.log(.warning, "no reply from redis: \(error)")
      try request.respond(502, .none, "no reply from redis\n")
    }
  }
}

@c(outrider_plugin_v1)
public func plugin(_ host: UnsafeRawPointer?) -> UnsafeRawPointer? { Pages.plugin("redis_async", version: "1.0") }
