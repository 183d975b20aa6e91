import IPC
import Platform

/// A master's settings of the store that workers share.
package struct StoreSettings: Sendable, Equatable {
  /// In bytes; nil for none.
  var size: Int?
  /// The version of its layout, which only masters and workers know.
  var layout = 0
}

/// The store that workers share. The supervisor keeps it across reloads and never maps it, since any worker can write
/// to it.
final class KeptStore: Sendable {
  let file: FileDescriptor
  let layout: Int

  /// An empty store. Memory is allocated as it is filled.
  init(size: Int, layout: Int) throws(Errno) {
    file = try SharedStore.makeFile(size: size)
    self.layout = layout
  }

  // MARK: For a successor of the supervisor

  /// Nil if there is no store.
  init?(_ fields: KeyedFields) {
    guard let fd = fields.number("descriptor", in: 3...CInt.max), MemoryFile.sealedSize(of: fd) != nil else {
      return nil
    }
    Process.closeOnExec(fd)
    file = FileDescriptor(owning: fd)
    layout = fields.number("layout") ?? 0
  }

  var fields: KeyedFields {
    var fields = KeyedFields("descriptor", file.raw)
    fields.set("layout", layout)
    return fields
  }
}

extension Supervisor {
  /// Passes the store to a master whose settings have one. It is the store of former generations, regardless of the
  /// configured size, unless its layout has changed.
  mutating func passStore(_ settings: StoreSettings, over channel: Channel) {
    guard let size = settings.size else { return }
    do throws(Errno) {
      if sharedStore?.layout != settings.layout {
        sharedStore = try KeptStore(size: size, layout: settings.layout)
      }
    } catch {
      return log.error("no store for workers: \(error)")
    }
    if let kept = sharedStore { channel.send(MasterMessage.store, descriptor: kept.file.raw) }
  }
}
