/// Finds the frame headers of a connection (RFC 9113 section 4.1). Each header is passed on in one piece, in whatever
/// pieces it arrived, and each DATA frame is reported before its payload.
///
/// This is necessary because nghttp2 1.52 counts a CONTINUATION for every piece of a header, regards nine pieces as a
/// flood, and does not report DATA on a closed stream.
struct FrameHeaders: ~Copyable {
  private static let length = 9

  /// The session's next step.
  enum Step {
    /// Pass these bytes on. If a DATA frame begins in them, no other frame begins before it.
    case bytes(Bytes)
    /// Pass on a header that arrived in pieces.
    case header(InlineArray<10, UInt8>, count: Int, DataHeader?)
    /// Process the DATA frame that follows.
    case data(DataHeader)
  }

  /// The bytes before the next header: the preface, then the payload of the previous frame.
  private var untilNext = HTTP2Session.preface.utf8CodeUnitCount
  /// An incomplete header, and the padding length.
  private var kept = InlineArray<10, UInt8>(repeating: 0)
  private var keptCount = 0

  /// The next step with `bytes`, which continue those of the last call; nil when they are used up.
  mutating func next(_ bytes: inout Bytes) -> Step? {
    if keptCount > 0 {
      guard let step = complete(&bytes) else { return nil }
      return step
    }
    if untilNext == 0, let data = DataHeader(bytes) {
      untilNext = FrameHeaders.length + data.payload
      return .data(data)
    }
    let whole = take(&bytes)
    return whole.isEmpty ? nil : .bytes(whole)
  }

  /// Adds bytes to an incomplete header; returns the header when it is complete.
  private mutating func complete(_ bytes: inout Bytes) -> Step? {
    while keptCount < keptLength {
      guard !bytes.isEmpty else { return nil }
      kept[keptCount] = bytes[0]
      keptCount += 1
      bytes = bytes.dropFirst(1)
    }
    let count = keptCount
    keptCount = 0
    let data = unsafe kept.span.withUnsafeBufferPointer { buffer in
      DataHeader(unsafe Bytes(base: buffer.baseAddress, count: count))
    }
    untilNext = FrameHeaders.payload(kept[0], kept[1], kept[2]) - (count - FrameHeaders.length)
    return .header(kept, count: count, data)
  }

  /// The number of bytes that must be kept before they are passed on.
  private var keptLength: Int {
    guard keptCount >= FrameHeaders.length else { return FrameHeaders.length }
    return FrameHeaders.headerLength(kept[0] | kept[1] | kept[2], kind: kept[3], flags: kept[4])
  }

  /// Takes bytes up to a DATA frame or to an incomplete header, which is kept.
  private mutating func take(_ bytes: inout Bytes) -> Bytes {
    let all = bytes
    var at = 0
    while true {
      let count = min(untilNext, all.count - at)
      untilNext -= count
      at += count
      let rest = all.dropFirst(at)
      guard untilNext == 0, !rest.isEmpty else {
        bytes = .empty
        return all
      }
      let isWhole = rest.count >= FrameHeaders.length
      if !isWhole || rest.count < FrameHeaders.headerLength(rest[0] | rest[1] | rest[2], kind: rest[3], flags: rest[4])
      {
        for index in 0..<rest.count { kept[index] = rest[index] }
        keptCount = rest.count
        bytes = .empty
        return all.slice(0, at)
      }
      if rest[3] == DataHeader.kind {
        bytes = rest
        return all.slice(0, at)
      }
      untilNext = FrameHeaders.payload(rest[0], rest[1], rest[2])
      at += FrameHeaders.length
    }
  }

  /// The length of a header. For a padded DATA frame it includes the padding length.
  ///
  /// - Parameter payload: 0 for none.
  private static func headerLength(_ payload: UInt8, kind: UInt8, flags: UInt8) -> Int {
    kind == DataHeader.kind && flags & DataHeader.padded != 0 && payload != 0 ? length + 1 : length
  }

  fileprivate static func payload(_ high: UInt8, _ middle: UInt8, _ low: UInt8) -> Int {
    Int(high) << 16 | Int(middle) << 8 | Int(low)
  }
}

/// The header of a DATA frame (RFC 9113 section 6.1), with the length of its content.
struct DataHeader {
  static let kind: UInt8 = 0
  static let padded: UInt8 = 0x8
  private static let endStream: UInt8 = 0x1

  let stream: Int32
  let payload: Int
  let endsStream: Bool
  /// The frame has no content, or only padding.
  let isEmpty: Bool

  /// Nil unless `bytes` begins with the complete header of a DATA frame.
  init?(_ bytes: Bytes) {
    guard bytes.count >= 9, bytes[3] == DataHeader.kind else { return nil }
    payload = FrameHeaders.payload(bytes[0], bytes[1], bytes[2])
    let isPadded = bytes[4] & DataHeader.padded != 0 && payload > 0
    if isPadded && bytes.count < 10 { return nil }
    let padding = isPadded ? 1 + Int(bytes[9]) : 0
    isEmpty = payload <= padding
    endsStream = bytes[4] & DataHeader.endStream != 0
    let id = UInt32(bytes[5]) << 24 | UInt32(bytes[6]) << 16 | UInt32(bytes[7]) << 8 | UInt32(bytes[8])
    stream = Int32(truncatingIfNeeded: id & 0x7FFF_FFFF)
  }
}
