import Glibc
import Platform

/// Checks that the dynamic loader does not make before it maps a file. A truncated shared object would crash the
/// process with SIGBUS.
enum ELFObject {
  private static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
  /// The headers are within this many bytes.
  private static let front = 65_536
  private static let loadSegment: UInt32 = 1

  /// Why the file at `path` is not a complete shared object for this architecture, or nil.
  static func objection(_ path: String) throws(Errno) -> String? {
    let bytes = try FileContents.prefix(path: path, count: front)
    let size = UInt64(clamping: try FileContents.size(path: path))
    return objection(bytes, size: size)
  }

  /// - Parameters:
  ///   - bytes: the beginning of a file, with arbitrary content.
  ///   - size: the size of the file.
  static func objection(_ bytes: [UInt8], size: UInt64) -> String? {
    guard bytes.starts(with: magic) else { return "not an ELF object" }
    if let machine = machineObjection(bytes) { return machine }
    guard let header = read(Elf64_Ehdr.self, bytes, at: 0) else { return isCutShort }
    let segmentSize = UInt64(MemoryLayout<Elf64_Phdr>.size)
    guard UInt64(header.e_phentsize) >= segmentSize else { return nil }
    for index in 0..<UInt64(header.e_phnum) {
      // The product of two 16-bit numbers fits.
      guard let start = sum(header.e_phoff, index * UInt64(header.e_phentsize)), let end = sum(start, segmentSize),
        end <= size
      else { return isCutShort }
      guard let segment = read(Elf64_Phdr.self, bytes, at: start) else { return nil }
      guard segment.p_type == loadSegment else { continue }
      guard let contentsEnd = sum(segment.p_offset, segment.p_filesz), contentsEnd <= size else { return isCutShort }
    }
    return nil
  }

  /// The offsets of class, byte order and architecture, which are the same in all ELF objects.
  private static let (classOffset, orderOffset, machineOffset) = (4, 5, 18)

  /// The dynamic loader skips an object for another architecture, and then reports that the file does not exist.
  private static func machineObjection(_ bytes: [UInt8]) -> String? {
    guard bytes.count >= machineOffset + 2 else { return isCutShort }
    let isBigEndian = bytes[orderOffset] == 2
    let (first, second) = (UInt16(bytes[machineOffset]), UInt16(bytes[machineOffset + 1]))
    let object = ELFMachine(
      bits: bytes[classOffset] == 1 ? 32 : 64, isBigEndian: isBigEndian,
      number: isBigEndian ? first << 8 | second : second << 8 | first)
    return object == .present ? nil : "built for another architecture, \(object), not for \(ELFMachine.present)"
  }

  private static let isCutShort = "an ELF object that is cut short"

  /// Nil if the sum exceeds 64 bits.
  private static func sum(_ first: UInt64, _ second: UInt64) -> UInt64? {
    let (sum, overflowed) = first.addingReportingOverflow(second)
    return overflowed ? nil : sum
  }

  /// Nil if the value is not within the bytes.
  private static func read<Value: BitwiseCopyable>(_ type: Value.Type, _ bytes: [UInt8], at offset: UInt64) -> Value? {
    guard let end = sum(offset, UInt64(MemoryLayout<Value>.size)), end <= UInt64(bytes.count) else { return nil }
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: Int(offset), as: type) }
  }
}
