/// What stands at the addresses of a worker that has ended, as far as it has said that itself: what it had loaded nobody else
/// needs to have, and the files may have been cut short since.
package struct CrashSymbols {
  private let modules: [CrashRecord.Module]
  private let functions: [CrashRecord.Function]

  package init(_ record: CrashRecord) {
    modules = record.modules
    functions = record.functions
  }

  /// `function+offset (file+offset)`, of which the second pair is what addr2line wants.
  package func text(_ address: UInt) -> String {
    func hex(_ number: UInt) -> String { "0x" + String(number, radix: 16) }
    func printable(_ name: [UInt8]) -> String { PrintableText.escaped(String(decoding: name, as: UTF8.self)) }

    let module = modules.first { $0.addresses.contains(address) }
    let place = module.map { "\(printable($0.name))+\(hex(address - $0.addresses.lowerBound))" } ?? hex(address)
    let function = functions.first { $0.address == address }
    return function.map { "\(printable($0.name))+\(hex($0.offset)) (\(place))" } ?? place
  }
}
