/// SipHash-2-4 (Aumasson and Bernstein, 2012) of a key. Clients may choose keys, and must not be able to predict
/// collisions.
struct KeyHash {
  private var v0: UInt64
  private var v1: UInt64
  private var v2: UInt64
  private var v3: UInt64

  private init(_ seed: (UInt64, UInt64)) {
    v0 = seed.0 ^ 0x736F_6D65_7073_6575
    v1 = seed.1 ^ 0x646F_7261_6E64_6F6D
    v2 = seed.0 ^ 0x6C79_6765_6E65_7261
    v3 = seed.1 ^ 0x7465_6462_7974_6573
  }

  static func hash(_ bytes: UnsafeRawBufferPointer, seed: (UInt64, UInt64)) -> UInt64 {
    var state = KeyHash(seed)
    let whole = bytes.count & ~7
    for offset in stride(from: 0, to: whole, by: 8) {
      state.absorb(UInt64(littleEndian: unsafe bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)))
    }
    var last = UInt64(bytes.count & 0xFF) << 56
    for index in whole..<bytes.count { unsafe last |= UInt64(bytes[index]) << UInt64(8 * (index - whole)) }
    state.absorb(last)
    return state.finish()
  }

  private mutating func absorb(_ word: UInt64) {
    v3 ^= word
    round()
    round()
    v0 ^= word
  }

  private mutating func finish() -> UInt64 {
    v2 ^= 0xFF
    for _ in 0..<4 { round() }
    return v0 ^ v1 ^ v2 ^ v3
  }

  private mutating func round() {
    v0 &+= v1
    v2 &+= v3
    v1 = v1.rotated(13) ^ v0
    v3 = v3.rotated(16) ^ v2
    v0 = v0.rotated(32)
    v2 &+= v1
    v0 &+= v3
    v1 = v1.rotated(17) ^ v2
    v3 = v3.rotated(21) ^ v0
    v2 = v2.rotated(32)
  }
}

extension UInt64 {
  fileprivate func rotated(_ bits: UInt64) -> UInt64 { self << bits | self >> (64 - bits) }
}
