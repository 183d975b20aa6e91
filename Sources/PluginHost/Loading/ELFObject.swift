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
    let size = try FileContents.size(path: path)
    guard bytes.starts(with: magic) else { return "not an ELF object" }
    guard bytes.count >= MemoryLayout<Elf64_Ehdr>.size else { return "an ELF object that is cut short" }
    let header = unsafe bytes.withUnsafeBytes { unsafe $0.loadUnaligned(as: Elf64_Ehdr.self) }
    guard Int(header.e_phentsize) >= MemoryLayout<Elf64_Phdr>.size else { return nil }
    for index in 0..<Int(header.e_phnum) {
      let (start, overflowed) = Int(clamping: header.e_phoff).addingReportingOverflow(index * Int(header.e_phentsize))
      guard !overflowed, start + MemoryLayout<Elf64_Phdr>.size <= size else { return "an ELF object that is cut short" }
      guard start + MemoryLayout<Elf64_Phdr>.size <= bytes.count else { return nil }
      let segment = unsafe bytes.withUnsafeBytes {
        unsafe $0.loadUnaligned(fromByteOffset: start, as: Elf64_Phdr.self)
      }
      let (end, wraps) = segment.p_offset.addingReportingOverflow(segment.p_filesz)
      if segment.p_type == loadSegment && (wraps || end > UInt64(size)) {
        return "an ELF object that is cut short"
      }
    }
    return nil
  }
}
