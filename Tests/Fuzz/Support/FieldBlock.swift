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
