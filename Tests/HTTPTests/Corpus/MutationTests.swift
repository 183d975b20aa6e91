import HTTP
import Testing

/// Inputs that are almost those of the corpus: none traps, and none is read otherwise when it comes in pieces.
@Suite struct MutationTests {
  @Test(arguments: 0..<20)
  func mutatedInputsAreReadAlikeInEverySplit(_ seed: Int) throws {
    var random = SplitMix(seed)
    for round in 0..<1000 {
      let one = try #require(CorpusCase.all.randomElement(using: &random))
      let bytes = mutated(one.bytes, &random)
      // Now and then with limits that even a small input reaches.
      let limits = Bool.random(using: &random) ? one.limits : tight(&random)
      let underscores = [one.underscores, .pass, .refuse].randomElement(using: &random) ?? .drop
      let whole = Split.whole.read(bytes, limits: limits, underscores: underscores)
      for split in [Split.bytes, .random(seed: seed << 16 + round)]
      where split.read(bytes, limits: limits, underscores: underscores) != whole {
        Issue.record("read otherwise in \(split), \(limits): \(latin1(bytes).debugDescription)")
      }
    }
  }

  private func tight(_ random: inout SplitMix) -> RequestLimits {
    var limits = RequestLimits()
    limits.requestLine = Int.random(in: 1...40, using: &random)
    limits.fieldSize = Int.random(in: 1...30, using: &random)
    limits.fields = Int.random(in: 1...3, using: &random)
    limits.head = Int.random(in: 1...90, using: &random)
    limits.body = Int64.random(in: 0...8, using: &random)
    limits.chunkExtension = Int.random(in: 0...3, using: &random)
    return limits
  }

  private func mutated(_ bytes: [UInt8], _ random: inout SplitMix) -> [UInt8] {
    var mutated = bytes
    for _ in 0..<Int.random(in: 1...3, using: &random) {
      // Behind the first line is more to get wrong than in it.
      guard let one = mutated.indices.randomElement(using: &random),
        let other = mutated.indices.randomElement(using: &random)
      else { break }
      let place = max(one, other)
      let length = Int.random(in: 1...12, using: &random)
      switch Int.random(in: 0..<8, using: &random) {
      case 0: mutated[place] ^= 1 << UInt8.random(in: 0..<8, using: &random)
      case 1: mutated[place] = interesting(&random)
      case 2: mutated.insert(interesting(&random), at: place)
      case 3: mutated.remove(at: place)
      case 4: mutated.removeSubrange(place..<min(mutated.count, place + length))
      case 5: mutated.insert(contentsOf: mutated[place..<min(mutated.count, place + length)], at: place)
      case 6: mutated.removeSubrange(place...)
      default:
        let other = CorpusCase.all.randomElement(using: &random)?.bytes ?? []
        mutated.replaceSubrange(place..., with: other.suffix(Int.random(in: 0...other.count, using: &random)))
      }
    }
    return mutated
  }

  /// A byte that means something to some parser.
  private func interesting(_ random: inout SplitMix) -> UInt8 {
    let bytes = Array("\r\n\0\t :;,_%./?#[]*\"-+019aAfFgGzZ\u{7F}".utf8) + [0x80, 0xA0, 0xFF]
    return bytes[Int.random(in: bytes.indices, using: &random)]
  }
}
