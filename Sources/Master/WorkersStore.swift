import Configuration
import Platform

/// The store that workers share. The master prepares and passes it, and does not access its memory afterwards.
struct WorkersStore: ~Copyable {
  /// Open for the life of the process, since each new worker maps it; nil without a store.
  let descriptor: CInt?
  /// A warning for the log.
  let warning: String?

  /// Called before plugin code runs in this process.
  init(_ file: consuming FileDescriptor?, _ settings: Settings.Store) throws(StartError) {
    guard let file, let wanted = settings.fileSize, let size = MemoryFile.sealedSize(of: file.raw) else {
      descriptor = nil
      warning = nil
      return
    }
    do throws(Errno) {
      try SharedStore.prepare(file.raw)
    } catch {
      throw StartError("\(error)", .osError)
    }
    descriptor = file.release()
    warning =
      size == wanted
      ? nil : "store.size = \(settings.size) has no effect before a restart: the store of \(size) bytes is kept"
  }
}

extension Settings.Store {
  /// The size of the store's file; nil without a store.
  var fileSize: Int? { size == 0 ? nil : max(size, 512 << 10) }
}
