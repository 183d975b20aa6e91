extension Trial {
  /// Clients that speak HTTP/1.
  static func http1(_ path: String) -> [Trial] {
    whole(path) + slow(path) + cut(path)
  }

  /// They send whole requests at once.
  private static func whole(_ path: String) -> [Trial] {
    [
      Trial("GET \(path)") { server throws(CheckError) in try fault(.get(path), server) },
      Trial("HEAD \(path)") { server throws(CheckError) in
        try fault(HTTP1Request(method: "HEAD", path: path), server)
      },
      Trial("GET \(path) by a client of HTTP/1.0") { server throws(CheckError) in
        try fault(HTTP1Request(method: "GET", path: path, version: "HTTP/1.0"), server)
      },
      Trial("three requests GET \(path), pipelined") { server throws(CheckError) in
        var client = try HTTP1Client(port: server.port)
        try client.connection.send(
          HTTP1Request.get(path).bytes + HTTP1Request.get(path).bytes + HTTP1Request.get(path).bytes)
        for _ in 0..<3 {
          if let fault = try client.answer().fault { return fault }
          // The server's own choice, as under sync.
          if client.isClosing { return nil }
        }
        return nil
      },
      Trial("POST \(path)") { server throws(CheckError) in try fault(.post(path, size: 1000), server) },
      Trial("POST \(path) with 200,000 bytes") { server throws(CheckError) in
        try fault(.post(path, size: 200_000), server)
      },
      Trial("POST \(path) in chunks") { server throws(CheckError) in try fault(.post(path, chunks: 100), server) },
    ]
  }

  /// They send, or take what they get, one byte at a time.
  private static func slow(_ path: String) -> [Trial] {
    [
      Trial("GET \(path) by a slow client") { server throws(CheckError) in
        var client = try HTTP1Client(port: server.port)
        try client.connection.sendSlowly(HTTP1Request.get(path).bytes)
        return try client.answer(slowly: true).fault
      },
      Trial("POST \(path) by a slow client") { server throws(CheckError) in
        var client = try HTTP1Client(port: server.port)
        try client.connection.sendSlowly(HTTP1Request.post(path, size: 100).bytes)
        return try client.answer(slowly: true).fault
      },
      Trial("POST \(path) in chunks by a slow client") { server throws(CheckError) in
        var client = try HTTP1Client(port: server.port)
        try client.connection.sendSlowly(HTTP1Request.post(path, chunks: 5).bytes)
        return try client.answer(slowly: true).fault
      },
    ]
  }

  /// They break off. What they get is no matter; the server must live, and serve the next.
  private static func cut(_ path: String) -> [Trial] {
    [
      Trial("GET \(path) by a client that leaves at once") { server throws(CheckError) in
        let client = try CheckConnection(port: server.port)
        try client.send(HTTP1Request.get(path).bytes)
        client.reset()
        return try fault(.get(path), server)
      },
      Trial("GET \(path) by a client that leaves within the answer") { server throws(CheckError) in
        let client = try CheckConnection(port: server.port)
        try client.send(HTTP1Request.get(path).bytes)
        _ = try client.receive(atMost: 1, by: CheckWait.deadline)
        client.reset()
        return try fault(.get(path), server)
      },
      Trial("POST \(path) whose content is cut") { server throws(CheckError) in
        var client = try HTTP1Client(port: server.port)
        let request = HTTP1Request.post(path, size: 1000)
        try client.connection.send(request.head + request.body.prefix(100))
        client.connection.finishSending()
        // The server's own 400, or the plugin's answer.
        _ = try client.answer()
        return try fault(.get(path), server)
      },
      Trial("POST \(path) by a client that leaves within the content") { server throws(CheckError) in
        let client = try CheckConnection(port: server.port)
        let request = HTTP1Request.post(path, size: 1000)
        try client.send(request.head + request.body.prefix(100))
        _ = try client.receive(atMost: 1, by: CheckWait.moment)
        client.reset()
        return try fault(.get(path), server)
      },
    ]
  }

  /// What is wrong with the answer to a request on a connection of its own.
  static func fault(_ request: HTTP1Request, _ server: CheckServer) throws(CheckError) -> String? {
    var client = try HTTP1Client(port: server.port)
    // One that answers before it has read all may close.
    try client.connection.send(request.bytes)
    return try client.answer(isToHead: request.method == "HEAD").fault
  }
}
