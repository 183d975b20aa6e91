/// Where the frames of a connection begin (RFC 9113 section 4.1), so that each header is handed on whole, however it
/// came: nghttp2 1.52 counts a CONTINUATION for every piece of a header, and takes nine pieces for a flood.
struct FrameHeaders: ~Copyable {
  private static let length = 9

  /// What comes before the next header: the preface, then the payload of the frame before.
  private var untilNext = HTTP2Session.preface.utf8CodeUnitCount
  /// The beginning of a header.
  private var kept = InlineArray<9, UInt8>(repeating: 0)
  private var keptCount = 0

  /// Adds the first of `bytes` to a header that is not whole; those that do not belong to it.
  mutating func complete(_ bytes: Bytes) -> Bytes {
    guard keptCount > 0 else { return bytes }
    let count = min(FrameHeaders.length - keptCount, bytes.count)
    for index in 0..<count { kept[keptCount + index] = bytes[index] }
    keptCount += count
    return bytes.dropFirst(count)
  }

  /// The header that was kept, if it is whole by now.
  mutating func release() -> InlineArray<9, UInt8>? {
    guard keptCount == FrameHeaders.length else { return nil }
    keptCount = 0
    untilNext = FrameHeaders.payload(kept[0], kept[1], kept[2])
    return kept
  }

  /// `bytes`, which follow a whole header or a payload, up to a header that is not whole: that is kept.
  mutating func whole(_ bytes: Bytes) -> Bytes {
    var at = 0
    while true {
      let count = min(untilNext, bytes.count - at)
      untilNext -= count
      at += count
      let rest = bytes.dropFirst(at)
      guard untilNext == 0, !rest.isEmpty else { return bytes }
      guard rest.count >= FrameHeaders.length else {
        for index in 0..<rest.count { kept[index] = rest[index] }
        keptCount = rest.count
        return bytes.slice(0, at)
      }
      untilNext = FrameHeaders.payload(rest[0], rest[1], rest[2])
      at += FrameHeaders.length
    }
  }

  private static func payload(_ high: UInt8, _ middle: UInt8, _ low: UInt8) -> Int {
    Int(high) << 16 | Int(middle) << 8 | Int(low)
  }
}
