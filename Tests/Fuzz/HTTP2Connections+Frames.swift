import CNghttp2
import HTTP

/// A frame that the server has sent.
struct HeardFrame {
  enum Content {
    /// A header block, with what went on in CONTINUATION.
    case head([CopiedField], ends: Bool)
    /// `size` counts padding too.
    case data([UInt8], size: Int, ends: Bool)
    case reset(UInt32)
    case other
  }

  let kind: UInt8
  let flags: UInt8
  let stream: Int32
  let payload: [UInt8]
  var content = Content.other

  /// What a client says to it at once.
  var acknowledgement: [UInt8]? {
    switch kind {
    case 4 where flags & 1 == 0: Frame.frame(4, 1, 0, [])
    case 6 where flags & 1 == 0: Frame.frame(6, 1, 0, payload[...])
    default: nil
    }
  }
}

/// Takes what comes apart, strictly (RFC 9113 section 4).
@safe
struct FrameReader {
  private let inflater: OpaquePointer
  private var taken = 0
  /// What has come of a frame that is not whole.
  private(set) var rest: ArraySlice<UInt8> = []
  private var isFirst = true
  /// A header block that is not whole.
  private var block: (stream: Int32, bytes: [UInt8], ends: Bool)?
  private(set) var goaway: UInt32?

  init() {
    var made: OpaquePointer?
    require(unsafe nghttp2_hd_inflate_new(&made) == 0, "no inflater")
    unsafe inflater = made.unsafelyUnwrapped
  }

  /// Not for further use.
  func free() { unsafe nghttp2_hd_inflate_del(inflater) }

  /// The frames in what has come since the last call.
  ///
  /// - Parameter all: all that has ever come.
  mutating func take(_ all: [UInt8]) -> [HeardFrame] {
    var frames: [HeardFrame] = []
    while all.count - taken >= 9 {
      let head = all[taken..<(taken + 9)]
      let length = Int(head[taken]) << 16 | Int(head[taken + 1]) << 8 | Int(head[taken + 2])
      require(length <= 16_384, "a frame of \(length) bytes")
      guard all.count - taken - 9 >= length else { break }
      let stream = head[(taken + 5)...].reduce(Int32(0)) { $0 << 8 | Int32($1) }
      var frame = HeardFrame(
        kind: head[taken + 3], flags: head[taken + 4], stream: stream,
        payload: Array(all[(taken + 9)..<(taken + 9 + length)]))
      taken += 9 + length
      judge(&frame)
      frames.append(frame)
    }
    rest = all[taken...]
    return frames
  }

  private mutating func judge(_ frame: inout HeardFrame) {
    if isFirst { require(frame.kind == 4 && frame.flags == 0, "SETTINGS first: \(frame)") }
    isFirst = false
    if let block { require(frame.kind == 9 && frame.stream == block.stream, "\(frame) within a header block") }
    let isOfStream = [0, 1, 3, 9].contains(frame.kind)
    require(isOfStream == (frame.stream != 0) || frame.kind == 8, "\(frame) on that stream")
    switch frame.kind {
    case 0:
      require(frame.flags & ~1 == 0, "flags of \(frame)")
      frame.content = .data(frame.payload, size: frame.payload.count, ends: frame.flags & 1 != 0)
    case 1:
      require(frame.flags & ~5 == 0, "flags of \(frame)")
      block = (frame.stream, frame.payload, frame.flags & 1 != 0)
      endBlock(&frame)
    case 9:
      require(block != nil, "CONTINUATION of nothing")
      block?.bytes += frame.payload
      endBlock(&frame)
    case 3:
      require(frame.payload.count == 4, "RST_STREAM of \(frame.payload.count) bytes")
      frame.content = .reset(frame.payload.reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
    case 4: require(frame.payload.count % 6 == 0, "SETTINGS of \(frame.payload.count) bytes")
    case 6: require(frame.payload.count == 8, "PING of \(frame.payload.count) bytes")
    case 7:
      require(frame.payload.count >= 8, "GOAWAY of \(frame.payload.count) bytes")
      goaway = frame.payload[4..<8].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    case 8: require(frame.payload.count == 4, "WINDOW_UPDATE of \(frame.payload.count) bytes")
    default: require(false, "a frame of kind \(frame.kind)")
    }
  }

  private mutating func endBlock(_ frame: inout HeardFrame) {
    guard frame.flags & 4 != 0, let whole = block else { return }
    block = nil
    frame.content = .head(inflate(whole.bytes), ends: whole.ends)
  }

  private func inflate(_ bytes: [UInt8]) -> [CopiedField] {
    var fields: [CopiedField] = []
    var start = 0
    while true {
      var pair = unsafe nghttp2_nv()
      var flags: CInt = 0
      let count = unsafe bytes.withUnsafeBufferPointer { buffer in
        unsafe nghttp2_hd_inflate_hd2(
          inflater, &pair, &flags, buffer.baseAddress.map { unsafe $0 + start }, buffer.count - start, 1)
      }
      require(count >= 0, "a header block that is none: \(count)")
      start += count
      if flags & CInt(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
        unsafe fields.append(
          CopiedField(
            name: Array(UnsafeBufferPointer(start: pair.name, count: pair.namelen)),
            value: Array(UnsafeBufferPointer(start: pair.value, count: pair.valuelen))))
      }
      if flags & CInt(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
      if count == 0 && flags & CInt(NGHTTP2_HD_INFLATE_EMIT.rawValue) == 0 { break }
    }
    _ = unsafe nghttp2_hd_inflate_end_headers(inflater)
    return fields
  }
}
