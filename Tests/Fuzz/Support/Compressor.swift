import CNghttp2
import HTTP

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
