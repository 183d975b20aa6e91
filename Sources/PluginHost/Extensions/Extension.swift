import Glibc

/// A table of additional functions. A plugin gets it by name and version from `outrider_host.extension`.
@safe
package struct Extension: @unchecked Sendable {
  // The table is immutable, and never freed.
  package let name: StaticString
  /// The size of the table, which is also its first member.
  package let size: Int
  package let table: UnsafeRawPointer

  /// - Parameter table: a C structure whose first member is `uint32_t size`.
  package init<Table: BitwiseCopyable>(_ name: StaticString, _ table: Table) {
    self.name = name
    size = MemoryLayout<Table>.size
    let memory = UnsafeMutablePointer<Table>.allocate(capacity: 1)
    unsafe memory.initialize(to: table)
    unsafe UnsafeMutableRawPointer(memory).storeBytes(of: UInt32(MemoryLayout<Table>.size), as: UInt32.self)
    unsafe self.table = UnsafeRawPointer(memory)
  }

  /// Whether the name equals `text`, a C string.
  func isNamed(_ text: UnsafePointer<CChar>) -> Bool {
    name.withUTF8Buffer { own in
      // strncmp stops at the first zero.
      let length = own.count
      return unsafe own.withMemoryRebound(to: CChar.self) { own in
        unsafe strncmp(own.baseAddress!, text, length) == 0 && text[length] == 0
      }
    }
  }
}
