import HTTP

/// In which pieces bytes come.
enum Arrival {
  case whole
  case byteByByte
  /// Pieces of these lengths, over and over. `moving`: between them the buffer moves.
  case pieces(SIMD4<UInt8>, moving: Bool)

  init(_ choices: inout Choices, moving: Bool) {
    self = .pieces(SIMD4(choices.byte(), choices.byte(), choices.byte(), choices.byte()), moving: moving)
  }

  var moves: Bool {
    if case .pieces(_, moving: true) = self { true } else { false }
  }

  /// How many bytes have come after each piece, up to all `count` of them.
  func counts(_ count: Int) -> [Int] {
    switch self {
    case .whole: return [count]
    case .byteByByte: return Array(0...count)
    case .pieces(let lengths, _):
      var counts: [Int] = []
      var come = 0
      while come < count {
        come = min(count, come + 1 + Int(lengths[counts.count % 4] % 64))
        counts.append(come)
      }
      return counts.isEmpty ? [0] : counts
    }
  }
}
