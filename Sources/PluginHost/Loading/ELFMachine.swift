/// The processor architecture of an ELF object.
struct ELFMachine: Equatable, CustomStringConvertible {
  let bits: Int
  let isBigEndian: Bool
  /// `e_machine`.
  let number: UInt16

  /// The architecture of this program.
  static var present: ELFMachine {
    #if arch(x86_64)
      ELFMachine(bits: 64, isBigEndian: false, number: 62)
    #elseif arch(arm64)
      ELFMachine(bits: 64, isBigEndian: false, number: 183)
    #elseif arch(riscv64)
      ELFMachine(bits: 64, isBigEndian: false, number: 243)
    #elseif arch(powerpc64le)
      ELFMachine(bits: 64, isBigEndian: false, number: 21)
    #elseif arch(s390x)
      ELFMachine(bits: 64, isBigEndian: true, number: 22)
    #endif
  }

  private static let names: [UInt16: String] = [
    2: "SPARC", 3: "x86", 8: "MIPS", 20: "PowerPC", 21: "PowerPC", 22: "S/390", 40: "ARM", 43: "SPARC", 62: "x86-64",
    183: "AArch64", 243: "RISC-V", 258: "LoongArch",
  ]

  var description: String {
    let name = ELFMachine.names[number] ?? "machine \(number)"
    // Most architectures have a usual byte order, which is not mentioned.
    let isUnusual = isBigEndian != [2, 8, 20, 22, 43].contains(number)
    return "\(name) (\(bits) bits\(isUnusual ? isBigEndian ? ", big-endian" : ", little-endian" : ""))"
  }
}
