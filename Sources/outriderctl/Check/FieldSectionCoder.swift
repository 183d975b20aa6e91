import CNghttp2

/// Field sections of one connection of HTTP/2 (RFC 7541).
@safe
final class FieldSectionCoder {
  private var inflater: OpaquePointer?

  init() { unsafe nghttp2_hd_inflate_new(&inflater) }

  deinit { unsafe nghttp2_hd_inflate_del(inflater) }

  /// Without compression: literal fields that are not kept.
  static func encode(_ fields: [(name: String, value: String)]) -> [UInt8] {
    fields.flatMap { [0] + string($0.name) + string($0.value) }
  }

  /// A length of seven bits or more (section 5.1), and the octets.
  private static func string(_ text: String) -> [UInt8] {
    var length = text.utf8.count
    guard length >= 127 else { return [UInt8(length)] + text.utf8 }
    var bytes: [UInt8] = [127]
    length -= 127
    while length >= 128 {
      bytes.append(UInt8(length & 127) | 128)
      length >>= 7
    }
    return bytes + [UInt8(length)] + text.utf8
  }

  /// The value of `:status`; nil if the section is malformed or has none. Each section is read, since it changes the table.
  func status(of section: [UInt8]) -> Int? {
    var status: Int?
    var offset = 0
    while offset < section.count {
      var field = unsafe nghttp2_nv()
      var flags: CInt = 0
      let count = unsafe section.withUnsafeBufferPointer { bytes in
        unsafe nghttp2_hd_inflate_hd2(inflater, &field, &flags, bytes.baseAddress! + offset, bytes.count - offset, 1)
      }
      guard count >= 0 else { return nil }
      offset += count
      if flags & CInt(NGHTTP2_HD_INFLATE_EMIT.rawValue) != 0 {
        let name = unsafe String(decoding: UnsafeBufferPointer(start: field.name, count: field.namelen), as: UTF8.self)
        let value = unsafe String(
          decoding: UnsafeBufferPointer(start: field.value, count: field.valuelen), as: UTF8.self)
        if name == ":status" { status = Int(value) }
      }
      if flags & CInt(NGHTTP2_HD_INFLATE_FINAL.rawValue) != 0 { break }
    }
    unsafe nghttp2_hd_inflate_end_headers(inflater)
    return status
  }
}
