/// The symbols of a crashed worker, from its crash record. They are not read from the files, which may have changed
/// since.
package struct CrashSymbols {
  private let modules: [CrashRecord.Module]
  private let functions: [CrashRecord.Function]

  package init(_ record: CrashRecord) {
    modules = record.modules
    functions = record.functions
  }

  /// `function+offset (file+offset)`; the second pair is the input for addr2line.
  package func text(_ address: UInt) -> String {
    func hex(_ number: UInt) -> String { "0x" + String(number, radix: 16) }
    func printable(_ name: [UInt8]) -> String { PrintableText.escaped(String(decoding: name, as: UTF8.self)) }

    let module = modules.first { $0.addresses.contains(address) }
    let location = module.map { "\(printable($0.name))+\(hex(address - $0.addresses.lowerBound))" } ?? hex(address)
    let function = functions.first { $0.address == address }
    return function.map { "\(printable($0.name))+\(hex($0.offset)) (\(location))" } ?? location
  }
}
