import CLinux
import Glibc

/// Reports changes of the entries of folders (inotify(7)).
package struct FolderWatch: ~Copyable {
  package enum Change: Sendable {
    /// A file that was open for writing was closed.
    case written
    /// An entry was moved into the folder.
    case movedIn
    case movedOut
    case created
    case deleted
    /// The folder itself was deleted or renamed.
    case folderGone
    /// Events were lost.
    case overflow
  }

  package struct Event: Sendable {
    /// The number that `add` returned; -1 for an overflow.
    package let folder: CInt
    package let change: Change
    /// Empty for the folder itself.
    package let name: String
    package let isFolder: Bool
  }

  private let descriptor: FileDescriptor
  private var buffer = [UInt8](repeating: 0, count: 16_384)

  package init() throws(Errno) {
    let raw = inotify_init1(CInt(IN_NONBLOCK) | CInt(IN_CLOEXEC))
    guard raw >= 0 else { throw .last("inotify_init1") }
    descriptor = FileDescriptor(owning: raw)
  }

  /// Readable while there are events.
  package var raw: CInt { descriptor.raw }

  /// Watches a folder, following a symbolic link to one.
  ///
  /// - Returns: the folder's number, which is the same for all its names.
  package func add(_ path: String) throws(Errno) -> CInt {
    let mask =
      IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_CREATE | IN_DELETE | IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR
    let number = unsafe inotify_add_watch(descriptor.raw, path, UInt32(mask))
    guard number >= 0 else { throw .last("watch \(path)") }
    return number
  }

  package func remove(_ folder: CInt) { inotify_rm_watch(descriptor.raw, folder) }

  private static let headerSize = 16

  /// Reads some of the pending events.
  package mutating func next() -> [Event] {
    let raw = descriptor.raw
    let count = unsafe buffer.withUnsafeMutableBytes { bytes in
      retryingInterrupts { unsafe Glibc.read(raw, bytes.baseAddress, bytes.count) }
    }
    var events: [Event] = []
    var at = 0
    while at + FolderWatch.headerSize <= count {
      let (number, mask, size) = unsafe buffer.withUnsafeBytes { bytes in
        unsafe (
          bytes.loadUnaligned(fromByteOffset: at, as: Int32.self),
          bytes.loadUnaligned(fromByteOffset: at + 4, as: UInt32.self),
          bytes.loadUnaligned(fromByteOffset: at + 12, as: UInt32.self)
        )
      }
      let name = buffer[(at + FolderWatch.headerSize)..<min(count, at + FolderWatch.headerSize + Int(size))]
      at += FolderWatch.headerSize + Int(size)
      guard let change = FolderWatch.change(mask) else { continue }
      events.append(
        Event(
          folder: number, change: change, name: String(decoding: name.prefix { $0 != 0 }, as: UTF8.self),
          isFolder: mask & UInt32(IN_ISDIR) != 0))
    }
    return events
  }

  private static func change(_ mask: UInt32) -> Change? {
    func has(_ bit: Int32) -> Bool { mask & UInt32(bitPattern: bit) != 0 }
    if has(Int32(IN_Q_OVERFLOW)) { return .overflow }
    if has(Int32(IN_DELETE_SELF | IN_MOVE_SELF | IN_UNMOUNT)) { return .folderGone }
    if has(Int32(IN_CLOSE_WRITE)) { return .written }
    if has(Int32(IN_MOVED_TO)) { return .movedIn }
    if has(Int32(IN_MOVED_FROM)) { return .movedOut }
    if has(Int32(IN_CREATE)) { return .created }
    if has(Int32(IN_DELETE)) { return .deleted }
    return nil
  }
}
