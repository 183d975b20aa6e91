import Glibc
import Platform

/// What the dynamic loader does not look at before it maps a file: a shared object that is cut short would end the
/// process with a bus error.
enum ELFObject {
  private static let magic: [UInt8] = [0x7F, 0x45, 0x4C, 0x46]
  /// Headers stand at the front.
  private static let front = 65_536
  private static let loadSegment: UInt32 = 1

  /// Why the file at `path` can't be a whole shared object of this machine's kind, or nil.
  static func objection(_ path: String) throws(Errno) -> String? {
    let bytes = try FileContents.prefix(path: path, count: front)
    let size = UInt64(clamping: try FileContents.size(path: path))
    return objection(bytes, size: size)
  }

  /// - Parameters:
  ///   - bytes: the front of a file. Every number in it may be any.
  ///   - size: that of the file.
  static func objection(_ bytes: [UInt8], size: UInt64) -> String? {
    guard bytes.starts(with: magic) else { return "not an ELF object" }
    guard let header = read(Elf64_Ehdr.self, bytes, at: 0) else { return isCutShort }
    let segmentSize = UInt64(MemoryLayout<Elf64_Phdr>.size)
    guard UInt64(header.e_phentsize) >= segmentSize else { return nil }
    for index in 0..<UInt64(header.e_phnum) {
      // Two numbers of 16 bits.
      guard let start = sum(header.e_phoff, index * UInt64(header.e_phentsize)), let end = sum(start, segmentSize),
        end <= size
      else { return isCutShort }
      guard let segment = read(Elf64_Phdr.self, bytes, at: start) else { return nil }
      guard segment.p_type == loadSegment else { continue }
      guard let contentsEnd = sum(segment.p_offset, segment.p_filesz), contentsEnd <= size else { return isCutShort }
    }
    return nil
  }

  private static let isCutShort = "an ELF object that is cut short"

  /// Nil for more than 64 bits hold.
  private static func sum(_ first: UInt64, _ second: UInt64) -> UInt64? {
    let (sum, overflowed) = first.addingReportingOverflow(second)
    return overflowed ? nil : sum
  }

  /// Nil if that is not within the bytes.
  private static func read<Value: BitwiseCopyable>(_ type: Value.Type, _ bytes: [UInt8], at offset: UInt64) -> Value? {
    guard let end = sum(offset, UInt64(MemoryLayout<Value>.size)), end <= UInt64(bytes.count) else { return nil }
    return unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(fromByteOffset: Int(offset), as: type) }
  }
}
