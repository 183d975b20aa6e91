// How inputs of the targets that drive connections are changed: half the time as libFuzzer does it, and half the time by
// words of the target's script, which bytes at random seldom make.

/// libFuzzer's own changes.
@_silgen_name("LLVMFuzzerMutate")
private func mutateAsUsual(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int) -> Int

@_cdecl("LLVMFuzzerCustomMutator")
public func mutate(_ data: UnsafeMutablePointer<UInt8>, _ count: Int, _ most: Int, _ seed: UInt32) -> Int {
  var random = Chance(seed)
  if random.number(below: 2) == 0 { return unsafe mutateAsUsual(data, count, most) }
  var bytes = unsafe Array(UnsafeBufferPointer(start: data, count: count))
  let first = min(ScriptWords.firstByte, bytes.count)
  for _ in 0...random.number(below: 4) {
    let place = first + random.number(below: bytes.count - first + 1)
    let word = ScriptWords.word { random.number(below: $0) }
    switch random.number(below: 4) {
    case 0 where place < bytes.count:
      bytes.removeSubrange(place..<min(bytes.count, place + 1 + random.number(below: word.count)))
    case 1: bytes.replaceSubrange(place..<min(bytes.count, place + word.count), with: word)
    default: bytes.insert(contentsOf: word, at: place)
    }
  }
  let length = min(bytes.count, most)
  for index in 0..<length { unsafe data[index] = bytes[index] }
  return length
}

/// Numbers that follow from a seed.
private struct Chance {
  private var state: UInt64

  init(_ seed: UInt32) { state = UInt64(seed) &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func number(below bound: Int) -> Int {
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Int(state >> 33) % bound
  }
}
