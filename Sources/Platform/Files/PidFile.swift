import CLinux
import Glibc

/// The file with a service's process id, locked as long as the service lives: the lock, which ends with the process, tells
/// a live one from what a killed one has left behind, and the id that happens to be in use again.
///
/// The lock is one for writing, which only who may write to the file can have (fcntl(2), open file description locks);
/// those for reading, which any reader can have, mean nothing. The file is complete whenever it can be seen: it is written
/// under another name, and gets its own by link or rename. Who replaces one holds another lock meanwhile, on a file beside
/// it that nobody else can open. In a folder as /tmp anybody could have taken that file's name: there it is the lock of the
/// file that is replaced, which is one's own.
package struct PidFile: ~Copyable {
  package enum Fault: Error {
    /// Another process has the lock; the text of the file says which.
    case held(path: String, by: String)
    case system(Errno)
  }

  package let path: String
  package let user: ServiceUser?
  private let descriptor: FileDescriptor

  /// Makes the file for this process, in place of one that nobody holds.
  ///
  /// - Parameter user: the service's; see `Folder`.
  package init(path: String, user: ServiceUser? = nil) throws(Fault) {
    self.path = path
    self.user = user
    var holder: String?
    let file: FileDescriptor?
    do throws(Errno) {
      let folder = try Folder(of: path, user: user)
      if folder.isShared {
        file = try PidFile.makeAmongOthers(folder, &holder)
      } else {
        let lock = try Replacing(folder)
        defer { lock.end(folder) }
        holder = try PidFile.holder(of: folder)
        file = holder == nil ? try PidFile.make(folder) { name throws(Errno) in try folder.rename(name) } : nil
      }
    } catch {
      throw .system(error)
    }
    guard let file else { throw .held(path: path, by: holder ?? "") }
    descriptor = file
  }

  /// Takes over a file that a former program of this process has made, which may have locked it in another way.
  package init(path: String, user: ServiceUser?, descriptor: consuming FileDescriptor) {
    self.path = path
    self.user = user
    _ = outrider_lock_for_writing(descriptor.raw)
    self.descriptor = descriptor
  }

  package var raw: CInt { descriptor.raw }

  /// Removes the file, unless another has taken its place.
  package consuming func remove() {
    guard let folder = try? Folder(of: path, user: user), let own = try? FileStatus(of: descriptor.raw, path) else {
      return
    }
    if folder.status()?.identity == own.identity { folder.remove() }
  }

  // MARK: Making

  /// The longest text that a pid file has.
  private static let longest = 32

  /// What the present file says if somebody holds it; nil if nobody does, or there is none.
  private static func holder(of folder: borrowing Folder) throws(Errno) -> String? {
    guard let status = folder.status() else { return nil }
    guard status.kind == S_IFREG else { throw Errno(code: EEXIST, attempt: "make \(folder.path)") }
    let file = try folder.open(flags: O_RDONLY)
    let answer = outrider_is_locked_for_writing(file.raw)
    guard answer >= 0 else { throw .last("ask for the lock of \(folder.path)") }
    return answer == 1 ? try PidFile.pid(in: file, folder.path) : nil
  }

  private static func pid(in file: borrowing FileDescriptor, _ path: String) throws(Errno) -> String {
    var text = [UInt8](repeating: 0, count: longest)
    let count = try file.read(into: &text, attempt: "read \(path)")
    return String(decoding: text[..<count].prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
  }

  /// - Parameter place: gives the file of that name its own; false if something has that.
  private static func make(
    _ folder: borrowing Folder, _ place: (String) throws(Errno) -> Bool
  ) throws(Errno) -> FileDescriptor? {
    let path = folder.path
    // Others must not know the name where they could take it.
    let temporary = "\(folder.name).\(Process.id)" + (folder.isShared ? ".\(UInt64.random(in: 0 ... .max))" : "")
    folder.remove(temporary)
    let file = try folder.open(flags: O_CREAT | O_EXCL | O_RDWR, mode: 0o600, name: temporary)
    var isDone = false
    defer { if !isDone { folder.remove(temporary) } }
    guard outrider_lock_for_writing(file.raw) == 0 else { throw .last("lock \(path)") }
    // In a folder of the service's user it is not this user's to lock, or to write.
    if folder.actor != nil, fchown(file.raw, geteuid(), getegid()) != 0 { throw .last("make \(path)") }
    guard fchmod(file.raw, 0o644) == 0 else { throw .last("make \(path)") }
    let text = Array("\(Process.id)\n".utf8)
    guard unsafe write(file.raw, text, text.count) == text.count else { throw .last("write \(path)") }
    isDone = try place(temporary)
    if isDone { return file }
    return nil
  }

  // MARK: Among others

  /// How long whoever holds the lock may be one that replaces the file, and not a server that runs.
  private static let longestReplacement = Clock.nanosecondsPerSecond / 4

  /// Likewise, without a file whose name could be somebody else's.
  ///
  /// - Parameter holder: becomes what the present file says if somebody holds it; nil is returned then.
  private static func makeAmongOthers(
    _ folder: borrowing Folder, _ holder: inout String?
  ) throws(Errno) -> FileDescriptor? {
    let deadline = Clock.monotonic() &+ longestReplacement
    while true {
      let isLate = Clock.monotonic() >= deadline
      do throws(Errno) {
        guard let status = folder.status() else {
          if let file = try make(folder, { name throws(Errno) in try folder.link(name) && folder.remove(name) }) {
            return file
          }
          continue
        }
        guard status.kind == S_IFREG else { throw Errno(code: EEXIST, attempt: "make \(folder.path)") }
        let present = try folder.open(flags: O_RDWR)
        if outrider_lock_for_writing(present.raw) == 0 {
          // Only who has this lock replaces the file; somebody may have had it before.
          if try folder.status()?.identity == FileStatus(of: present.raw, folder.path).identity {
            return try make(folder) { name throws(Errno) in try folder.rename(name) }
          }
        } else if errno != EAGAIN {
          throw .last("lock \(folder.path)")
        } else if isLate {
          holder = try pid(in: present, folder.path)
          return nil
        }
      } catch {
        // A file that is being made has two names for a moment.
        if isLate || error.code != EACCES && error.code != ENOENT { throw error }
      }
      guard !isLate else { throw Errno(code: EAGAIN, attempt: "replace \(folder.path)") }
      usleep(1000)
    }
  }

  /// The right to replace the file, of one process at a time: a file beside it, which is gone again when that is done.
  private struct Replacing: ~Copyable {
    private let lock: FileDescriptor
    private let name: String

    /// Another process holds it for a moment only.
    private static let patience = 2 * Clock.nanosecondsPerSecond

    init(_ folder: borrowing Folder) throws(Errno) {
      name = ".\(folder.name).lock"
      let deadline = Clock.monotonic() &+ Replacing.patience
      while true {
        let file = try folder.open(flags: O_CREAT | O_RDWR, mode: 0o600, name: name)
        // Whoever had it before may have removed it meanwhile.
        if outrider_lock_for_writing(file.raw) == 0 {
          let own = try FileStatus(of: file.raw, folder.path)
          if folder.status(name: name)?.identity == own.identity {
            lock = file
            return
          }
        } else if errno != EAGAIN {
          throw .last("lock \(folder.path)")
        }
        guard Clock.monotonic() < deadline else { throw Errno(code: EAGAIN, attempt: "replace \(folder.path)") }
        usleep(1000)
      }
    }

    func end(_ folder: borrowing Folder) { folder.remove(name) }
  }
}
