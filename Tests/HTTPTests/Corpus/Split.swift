import HTTP

/// How the bytes of a connection are cut into pieces.
enum Split: Hashable {
  case whole
  case bytes
  /// Pieces of random sizes; between some of them the buffer moves.
  case random(seed: Int)

  func read(_ bytes: [UInt8], limits: RequestLimits, underscores: UnderscoreFields) -> Reading {
    var reader = ConnectionReader(capacity: bytes.count, limits: limits, underscores: underscores)
    switch self {
    case .whole: reader.feed(bytes[...])
    case .bytes:
      for index in bytes.indices { reader.feed(bytes[index...index]) }
    case .random(let seed):
      var random = SplitMix(seed)
      // Some splits are fine and some are coarse.
      let longest = [3, 17, max(17, bytes.count / 2)].randomElement(using: &random) ?? 1
      var start = 0
      while start < bytes.count {
        let end = min(bytes.count, start + Int.random(in: 1...longest, using: &random))
        reader.feed(bytes[start..<end])
        start = end
        if Int.random(in: 0..<4, using: &random) == 0 { reader.move() }
      }
    }
    return reader.reading
  }
}
