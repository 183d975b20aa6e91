import COutrider
import HTTP

// The plugin ABI's types and the server's own are laid out alike; here they are seen as each other.

extension Bytes {
  /// A plugin's bytes; not yet known to be well-formed.
  init(_ bytes: outrider_bytes) {
    let base = unsafe bytes.data.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }
    unsafe self.init(foreign: base, count: bytes.size)
  }

  var abi: outrider_bytes {
    unsafe outrider_bytes(
      data: base.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }, size: count)
  }
}

extension Fields {
  /// The most fields that one call may bring.
  static let maximum = 1024

  /// A plugin's fields, or nil if they can't be an array of that length.
  init?(_ fields: UnsafePointer<outrider_field>?, _ count: Int) {
    guard count > 0 else {
      self = .none
      if count < 0 { return nil }
      return
    }
    guard let fields = unsafe fields, count <= Fields.maximum else { return nil }
    unsafe self.init(base: UnsafeRawPointer(fields).assumingMemoryBound(to: Field.self), count: count)
  }

  var abi: UnsafePointer<outrider_field>? {
    unsafe base.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: outrider_field.self) }
  }
}

package enum ABI {
  package static let major: UInt32 = UInt32(OUTRIDER_ABI_MAJOR)
  package static let minor: UInt32 = UInt32(OUTRIDER_ABI_MINOR)
  package static let version = major << 16 | minor

  package static func text(_ version: UInt32) -> String { "\(version >> 16).\(version & 0xFFFF)" }

  /// Whether the two sides' views of bytes and fields are the same memory, on which the conversions above rest.
  package static var layoutsAgree: Bool {
    unsafe MemoryLayout<Bytes>.size == MemoryLayout<outrider_bytes>.size
      && MemoryLayout<Bytes>.stride == MemoryLayout<outrider_bytes>.stride
      && MemoryLayout<Field>.stride == MemoryLayout<outrider_field>.stride
      && MemoryLayout<Field>.offset(of: \.value) == MemoryLayout<outrider_field>.offset(of: \.value)
  }
}
