extension Trial {
  /// Clients that speak HTTP/2.
  static func http2(_ path: String) -> [Trial] {
    [
      Trial("GET \(path) over HTTP/2") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        let stream = try client.request("GET", path)
        return try client.outcome(of: stream).fault
      },
      Trial("HEAD \(path) over HTTP/2") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        let stream = try client.request("HEAD", path)
        return try client.outcome(of: stream).fault
      },
      Trial("POST \(path) over HTTP/2") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        let stream = try client.request("POST", path, endsStream: false)
        for part in 1...4 { try client.send([UInt8](repeating: 120, count: 1000), on: stream, endsStream: part == 4) }
        return try client.outcome(of: stream).fault
      },
      Trial("five requests GET \(path) at once over HTTP/2") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        var streams: [UInt32] = []
        for _ in 0..<5 { streams.append(try client.request("GET", path)) }
        for stream in streams { if let fault = try client.outcome(of: stream).fault { return fault } }
        return nil
      },
      Trial("GET \(path) by a slow client over HTTP/2") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port, window: 16)
        let stream = try client.request("GET", path, slowly: true)
        return try client.outcome(of: stream).fault
      },
      Trial("GET \(path) over HTTP/2, reset by the client") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        try client.cancel(try client.request("GET", path))
        let stream = try client.request("GET", path)
        return try client.outcome(of: stream).fault
      },
      Trial("POST \(path) over HTTP/2, reset by the client within the content") { server throws(CheckError) in
        var client = try HTTP2Client(port: server.port)
        let cut = try client.request("POST", path, endsStream: false)
        try client.send([UInt8](repeating: 120, count: 100), on: cut, endsStream: false)
        try client.cancel(cut)
        let stream = try client.request("GET", path)
        return try client.outcome(of: stream).fault
      },
    ]
  }
}
