import CNghttp2
import HTTP

/// The fields of one header block, and how large it is by each of the measures.
struct FieldBlock {
  let stream: Int32
  let isTrailers: Bool
  var fields: [CopiedField] = []
  /// By the same index: the field goes as it is, and not through the compressor.
  var isUncompressed: [Bool] = []

  init(stream: Int32, isTrailers: Bool) {
    self.stream = stream
    self.isTrailers = isTrailers
  }

  /// As `limits.head` counts.
  var headSize: Int { fields.reduce(0) { $0 + $1.name.count + $1.value.count + 4 } }
  /// As RFC 9113 section 6.5.2 counts.
  var listSize: Int { fields.reduce(0) { $0 + $1.name.count + $1.value.count + 32 } }
  /// What a reader has to keep of it.
  var copied: Int {
    fields.reduce(0) { sum, field in
      if field.isNamed(":scheme") { return sum }
      return sum + field.value.count + (field.name.first == UInt8(ascii: ":") ? 0 : field.name.count)
    }
  }

  /// Text that no other field of the connection has.
  func text(_ length: Int) -> [UInt8] {
    let mark = Array("\(stream).\(isTrailers ? "t" : "")\(fields.count).".utf8)
    let salt = Int(stream) * 7 + fields.count * 3
    return (0..<length).map { $0 < mark.count ? mark[$0] : UInt8(97 + ($0 + salt) % 26) }
  }

  /// Likewise, a path with a query.
  func path(_ length: Int) -> [UInt8] {
    guard length > 0 else { return [] }
    var path = [UInt8(ascii: "/")] + text(length - 1)
    if length > 8 { path[length / 2] = UInt8(ascii: "?") }
    return path
  }
}

/// Values by a choice.
enum FieldValues {
  /// -16 to 15, from the low five bits, so that space and @ are 0.
  static func delta(_ choice: UInt8) -> Int {
    let low = Int(choice & 31)
    return low < 16 ? low : low - 32
  }

  /// Mostly short.
  static func length(_ choice: UInt8) -> Int {
    let low = Int(choice & 63)
    return low < 48 ? low : (low - 47) * 61
  }

  static func method(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let names = ["GET", "HEAD", "POST", "OPTIONS", "CONNECT", "", "G T", "get"]
    if choice & 16 != 0 { return [UInt8](repeating: UInt8(ascii: "M"), count: 18 + Int(choice & 3)) }
    return Array(names[Int(choice & 7)].utf8)
  }

  static func scheme(_ choice: UInt8) -> [UInt8] { Array(["http", "https", "ftp", ""][Int(choice & 3)].utf8) }

  static func path(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let paths = ["/", "/a?b=c", "*", "", "/#", "/?", "a", "/\u{80}"]
    if choice & 8 != 0 { return block.path(length(choice >> 4 | (choice & 7) << 4)) }
    return Array(paths[Int(choice & 7)].utf8)
  }

  static func authority(_ choice: UInt8, _ block: FieldBlock) -> [UInt8] {
    let names = ["a", "a.example:80", "[::1]:8000", "", "a b", "a:b", "127.0.0.1", "A.example"]
    if choice & 8 != 0 { return block.text(length(choice >> 4 | (choice & 7) << 4)) }
    return Array(names[Int(choice & 7)].utf8)
  }

  /// Long enough to put others out of the table.
  static func forTheTable(_ choice: UInt8) -> [UInt8] {
    [UInt8](repeating: UInt8(65 + choice & 7), count: 40 + Int(choice & 7) * 300)
  }

  static func meaning(_ choice: UInt8) -> CopiedField {
    let fields: [(StaticString, StaticString)] = [
      ("content-length", "0"), ("content-length", "7"), ("content-length", "x"), ("content-type", "text/plain"),
      ("te", "trailers"), ("te", "gzip"), ("expect", "100-continue"), ("expect", "200-ok"),
      ("connection", "close"), ("transfer-encoding", "chunked"), ("upgrade", "h2c"), ("keep-alive", "1"),
      ("via", "1.1 a"), ("forwarded", "for=a"), ("x-forwarded-for", "10.0.0.1"), ("x-forwarded-a_b", "1"),
      ("x-request-id", "abc"), ("no-early-hints", "1"), ("X-Upper", "1"), ("x_y", "1"),
      ("", "1"), ("x-empty", ""), ("x-control", "a\u{1}b"), ("x-space", " a "),
      (":status", "200"), (":unknown", "1"), ("priority", "u=1"), ("host", "a"),
      ("trailer", "x"), ("cookie", ""), ("cookie", "a=b"), ("x", "y"),
    ]
    let (name, value) = fields[Int(choice & 31)]
    return CopiedField(name, Array(Bytes(value)))
  }
}

/// The client's side of the compression of fields (RFC 7541).
@safe
final class Compressor {
  private static let largestTable = 4096
  private let deflater: OpaquePointer
  /// What the size of the table becomes with the next block.
  var tableSize: Int?

  init() {
    var made: OpaquePointer?
    require(unsafe nghttp2_hd_deflate_new(&made, Compressor.largestTable) == 0, "no deflater")
    unsafe deflater = made.unsafelyUnwrapped
  }

  deinit { unsafe nghttp2_hd_deflate_del(deflater) }

  func compress(_ block: FieldBlock) -> [UInt8] {
    if let tableSize { unsafe nghttp2_hd_deflate_change_table_size(deflater, tableSize) }
    // A change stands at the beginning of a block.
    var bytes = tableSize == nil ? [] : deflate([])
    tableSize = nil
    for (index, field) in block.fields.enumerated() {
      bytes += block.isUncompressed[index] ? Compressor.literal(field) : deflate([field])
    }
    return bytes
  }

  private func deflate(_ fields: [CopiedField]) -> [UInt8] {
    guard let field = fields.first else { return unsafe deflate(nil, 0, room: 64) }
    var (name, value) = (field.name, field.value)
    return unsafe name.withUnsafeMutableBufferPointer { name in
      unsafe value.withUnsafeMutableBufferPointer { value in
        var pair = unsafe nghttp2_nv(
          name: name.baseAddress, value: value.baseAddress, namelen: name.count, valuelen: value.count,
          flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
        return unsafe deflate(&pair, 1, room: 64 + name.count + value.count)
      }
    }
  }

  private func deflate(_ pairs: UnsafePointer<nghttp2_nv>?, _ count: Int, room: Int) -> [UInt8] {
    unsafe [UInt8](unsafeUninitializedCapacity: room) { buffer, used in
      used = unsafe nghttp2_hd_deflate_hd(deflater, buffer.baseAddress, buffer.count, pairs, count)
      require(used >= 0, "not compressed: \(used)")
    }
  }

  /// Never indexed, and without Huffman's code (RFC 7541 section 6.2.3).
  private static func literal(_ field: CopiedField) -> [UInt8] {
    [0x10] + string(field.name) + string(field.value)
  }

  private static func string(_ text: [UInt8]) -> [UInt8] {
    guard text.count >= 127 else { return [UInt8(text.count)] + text }
    var length: [UInt8] = [127]
    var rest = text.count - 127
    while rest >= 128 {
      length.append(UInt8(rest % 128 + 128))
      rest /= 128
    }
    return length + [UInt8(rest)] + text
  }
}

/// Frames as a client sends them (RFC 9113 section 4.1).
enum Frame {
  /// The connection's first bytes, and SETTINGS without any.
  static let preface = Array(Bytes(HTTP2Session.preface)) + frame(4, 0, 0, [])
  private static let longest = 16_384

  static func frame(_ kind: UInt8, _ flags: UInt8, _ stream: Int32, _ payload: ArraySlice<UInt8>) -> [UInt8] {
    let length = payload.count
    let head = [UInt8(length >> 16), UInt8(length >> 8 & 255), UInt8(length & 255), kind, flags]
    return head + (0..<4).map { UInt8(truncatingIfNeeded: stream >> Int32(24 - 8 * $0)) } + payload
  }

  /// HEADERS and, in so many CONTINUATION frames at least, what does not stand in it.
  ///
  /// - Parameter first: how much of the block HEADERS has, in parts of 255.
  static func headers(
    _ stream: Int32, _ block: [UInt8], ends: Bool, first: Int, continuations: Int
  ) -> [UInt8] {
    var rest = block[...]
    let wanted = continuations == 0 ? block.count : block.count * first / 255
    let head = rest.prefix(min(wanted, longest))
    rest = rest.dropFirst(head.count)
    var left = max(continuations, (rest.count + longest - 1) / longest)
    var bytes = frame(1, (ends ? 1 : 0) | (left == 0 ? 4 : 0), stream, head)
    while left > 0 {
      let piece = rest.prefix((rest.count + left - 1) / left)
      rest = rest.dropFirst(piece.count)
      left -= 1
      bytes += frame(9, left == 0 ? 4 : 0, stream, piece)
    }
    return bytes
  }
}
