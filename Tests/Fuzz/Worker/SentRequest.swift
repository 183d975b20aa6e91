import HTTP

/// A request as the bytes of a connection have it.
struct SentRequest {
  enum End: Equatable {
    case complete
    /// More of it is to come.
    case waiting
    case refused(Refusal)
  }

  let method: [UInt8]
  let target: [UInt8]
  /// Decoded.
  let path: [UInt8]
  let query: [UInt8]
  let authority: [UInt8]
  let fields: [CopiedField]
  let version: HTTPVersion
  let traits: RequestTraits
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  var end = End.waiting

  var isBlocking: Bool { path.starts(with: Array("/b".utf8)) && (path.count == 2 || path[2] == UInt8(ascii: "/")) }

  /// The path below the mount.
  var ownPath: [UInt8] {
    guard isBlocking else { return path }
    return path.count == 2 ? [UInt8(ascii: "/")] : Array(path.dropFirst(2))
  }

  var letter: UInt8 { ownPath.count > 1 ? ownPath[1] : 0 }
  var isHead: Bool { traits.contains(.head) }
}

extension SentRequest {
  /// Whether its plugin reads all of the body before it answers.
  var isReadWhole: Bool { Array((isBlocking ? "ei" : "esd").utf8).contains(letter) }
}

extension SeenRequest {
  /// What the plugin was given is what was sent, as far as it was given.
  func compare(_ sent: SentRequest) {
    require(isBlocking == sent.isBlocking, "the other plugin's")
    require(method == sent.method && target == sent.target, "\(target), sent \(sent.target)")
    require(path == sent.ownPath && query == sent.query, "path \(path), sent \(sent.ownPath)")
    require(authority == sent.authority, "authority \(authority), sent \(sent.authority)")
    require(fields == sent.fields, "fields \(fields), sent \(sent.fields)")
    require(version == sent.version.rawValue, "version")
    require(Array(sent.body.prefix(body.count)) == body, "body \(body), sent \(sent.body)")
    if hasEnd {
      require(sent.end == .complete && body == sent.body, "an end, where \(sent.end)")
      // These may have answered before.
      if letter != UInt8(ascii: "p") && letter != UInt8(ascii: "d") {
        require(trailers == sent.trailers, "trailers \(trailers), sent \(sent.trailers)")
      }
    }
  }
}
