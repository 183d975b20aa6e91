import COutrider
import Glibc
import HTTP

// Types of the plugin ABI and of the server have the same layout; here each is converted to the other.

extension Bytes {
  /// A plugin's bytes, not yet checked for consistency.
  init(_ bytes: outrider_bytes) {
    let base = unsafe bytes.data.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }
    unsafe self.init(foreign: base, count: bytes.size)
  }

  /// The bytes of a C string, without the terminating zero.
  init(cString text: UnsafePointer<CChar>) {
    unsafe self.init(outrider_bytes(data: text, size: strlen(text)))
  }

  var abi: outrider_bytes {
    unsafe outrider_bytes(
      data: base.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: CChar.self) }, size: count)
  }
}

extension Fields {
  /// The maximum number of fields in one call.
  static let maximum = 1024

  /// A plugin's fields, or nil if pointer and count are inconsistent.
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
  package static let major: UInt32 = OUTRIDER_ABI_MAJOR
  package static let minor: UInt32 = OUTRIDER_ABI_MINOR
  package static let version: UInt32 = OUTRIDER_ABI_VERSION

  /// A copy of the plugin's structure at `address`: the members that both sides know, and 0 for the others.
  ///
  /// - Parameters:
  ///   - size: the size that the plugin's structure states.
  ///   - least: the size of the structure in ABI 1.0.
  /// - Returns: nil if the plugin's structure is smaller.
  @inline(__always)
  static func structure<Structure>(
    at address: UnsafeRawPointer, size: Int, least: UInt32, _ type: Structure.Type
  ) -> Structure? {
    guard size >= Int(least) else { return nil }
    if size >= MemoryLayout<Structure>.size { return unsafe address.load(as: Structure.self) }
    return unsafe padded(address, size, type)
  }

  @inline(never)
  private static func padded<Structure>(
    _ address: UnsafeRawPointer, _ size: Int, _ type: Structure.Type
  ) -> Structure {
    let whole = MemoryLayout<Structure>.size
    return unsafe withUnsafeTemporaryAllocation(byteCount: whole, alignment: MemoryLayout<Structure>.alignment) {
      unsafe $0.initializeMemory(as: UInt8.self, repeating: 0)
      unsafe $0.copyMemory(from: UnsafeRawBufferPointer(start: address, count: size))
      return unsafe $0.load(as: Structure.self)
    }
  }

  /// Fills a structure of the plugin's, as much of it as both sides know.
  ///
  /// - Parameters:
  ///   - size: of the plugin's structure, as it says; at least that of ABI 1.0.
  static func fill(_ address: UnsafeMutableRawPointer, size: Int, with structure: some BitwiseCopyable) {
    unsafe withUnsafeBytes(of: structure) { bytes in
      unsafe address.copyMemory(from: bytes.baseAddress!, byteCount: min(size, bytes.count))  // no structure is empty
    }
  }

  package static func text(_ version: UInt32) -> String { "\(version >> 16).\(version & 0xFFFF)" }

  /// Whether bytes and fields have the same layout on both sides, which the conversions above require.
  package static var layoutsAgree: Bool {
    unsafe MemoryLayout<Bytes>.size == MemoryLayout<outrider_bytes>.size
      && MemoryLayout<Bytes>.stride == MemoryLayout<outrider_bytes>.stride
      && MemoryLayout<Field>.stride == MemoryLayout<outrider_field>.stride
      && MemoryLayout<Field>.offset(of: \.value) == MemoryLayout<outrider_field>.offset(of: \.value)
  }
}
