import CLinux

/// What stands at an address: `function+offset (file+offset)`, as far as the dynamic symbol tables know. The second pair is
/// what addr2line wants.
package struct Symbol: CustomStringConvertible {
  package let description: String

  /// - Parameter address: of this process, or of a fork of it without exec.
  package init(address: UInt) {
    let hex = "0x" + String(address, radix: 16)
    let symbol = unsafe outrider_symbol_at(UInt64(address))
    guard let file = unsafe symbol.file else {
      description = hex
      return
    }
    let path = unsafe String(cString: file)
    let name = path.split(separator: "/").last.map(String.init) ?? path
    let place = unsafe "\(name)+0x\(String(symbol.offset, radix: 16))"
    if let function = unsafe symbol.function {
      description = unsafe "\(String(cString: function))+0x\(String(symbol.function_offset, radix: 16)) (\(place))"
    } else {
      description = place
    }
  }
}
