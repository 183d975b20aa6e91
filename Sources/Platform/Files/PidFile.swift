import CLinux
import Glibc

/// The file with a service's process ID, which is locked while the service runs. The lock ends with the process. It
/// therefore distinguishes a running service from a file that a killed one has left, even if the pid is in use again.
///
/// It is a write lock, which needs write access to the file (fcntl(2), open file description locks); read locks, which
/// every reader can take, are ignored. The file is always complete: it is written under another name, and then linked
/// or renamed. The process that replaces a pid file holds a second lock, on a file beside it that no other user can
/// open. In a shared folder such as /tmp another user could take that file's name; there the lock of the replaced file,
/// which has the same owner, is used instead.
package struct PidFile: ~Copyable {
  package let path: String
  package let user: ServiceUser?
  private let descriptor: FileDescriptor

  /// Makes the file for this process, replacing one that is not locked.
  ///
  /// - Parameter user: the service's user; see `Folder`.
  package init(path: String, user: ServiceUser? = nil) throws(PidFileError) {
    self.path = path
    self.user = user
    var holder: String?
    let file: FileDescriptor?
    do throws(Errno) {
      let folder = try Folder(of: path, user: user)
      if folder.isShared {
        file = try PidFile.makeInSharedFolder(folder, &holder)
      } else {
        let lock = try ReplacementLock(folder)
        defer { lock.unlock(folder) }
        holder = try PidFile.holder(of: folder)
        file = holder == nil ? try PidFile.make(folder) { name throws(Errno) in try folder.rename(name) } : nil
      }
    } catch {
      throw .system(error)
    }
    guard let file else { throw .held(path: path, by: holder ?? "") }
    descriptor = file
  }

  /// Takes over the file of a former program of this process, which may have used another kind of lock.
  package init(path: String, user: ServiceUser?, descriptor: consuming FileDescriptor) {
    self.path = path
    self.user = user
    _ = outrider_lock_for_writing(descriptor.raw)
    self.descriptor = descriptor
  }

  package var raw: CInt { descriptor.raw }

  /// Removes the file, unless another file has replaced it.
  package consuming func remove() {
    guard let folder = try? Folder(of: path, user: user), let own = try? FileStatus(of: descriptor.raw, path) else {
      return
    }
    if folder.status()?.identity == own.identity { folder.remove() }
  }

  // MARK: Making

  /// The maximum length of a pid file.
  private static let maxTextLength = 32

  /// The pid in the current file if that is locked, else nil.
  private static func holder(of folder: borrowing Folder) throws(Errno) -> String? {
    guard let status = folder.status() else { return nil }
    guard status.kind == S_IFREG else { throw Errno(code: EEXIST, attempt: "make \(folder.path)") }
    let file = try folder.open(flags: O_RDONLY)
    let answer = outrider_is_locked_for_writing(file.raw)
    guard answer >= 0 else { throw .last("ask for the lock of \(folder.path)") }
    return answer == 1 ? try PidFile.pid(in: file, folder.path) : nil
  }

  private static func pid(in file: borrowing FileDescriptor, _ path: String) throws(Errno) -> String {
    var text = [UInt8](repeating: 0, count: maxTextLength)
    let count = try file.read(into: &text, attempt: "read \(path)")
    return String(decoding: text[..<count].prefix { (0x30...0x39).contains($0) }, as: UTF8.self)
  }

  /// - Parameter install: gives the file with that name its final name; false if that name is taken.
  private static func make(
    _ folder: borrowing Folder, _ install: (String) throws(Errno) -> Bool
  ) throws(Errno) -> FileDescriptor? {
    let path = folder.path
    // In a shared folder other users must not be able to guess and take the name.
    let temporary = "\(folder.name).\(Process.id)" + (folder.isShared ? ".\(UInt64.random(in: 0 ... .max))" : "")
    folder.remove(temporary)
    let file = try folder.open(flags: O_CREAT | O_EXCL | O_RDWR, mode: 0o600, name: temporary)
    var isDone = false
    defer { if !isDone { folder.remove(temporary) } }
    guard outrider_lock_for_writing(file.raw) == 0 else { throw .last("lock \(path)") }
    // In a folder of the service's user, that user must not be able to lock or write the file.
    if folder.actor != nil, fchown(file.raw, geteuid(), getegid()) != 0 { throw .last("make \(path)") }
    guard fchmod(file.raw, 0o644) == 0 else { throw .last("make \(path)") }
    let text = Array("\(Process.id)\n".utf8)
    guard unsafe write(file.raw, text, text.count) == text.count else { throw .last("write \(path)") }
    isDone = try install(temporary)
    if isDone { return file }
    return nil
  }

  // MARK: In a shared folder

  /// How long the holder of the lock counts as a process that is replacing the file, and not as a running server.
  private static let maxReplacementTime = Clock.nanosecondsPerSecond / 4

  /// The same without a second file, whose name another user could take.
  ///
  /// - Parameter holder: set to the content of the current file if it is locked; nil is returned then.
  private static func makeInSharedFolder(
    _ folder: borrowing Folder, _ holder: inout String?
  ) throws(Errno) -> FileDescriptor? {
    let deadline = Clock.monotonic() &+ maxReplacementTime
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
          // An earlier holder of the lock may have replaced the file.
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

  /// The lock of the process that replaces the file: another file beside it, which is removed afterwards.
  private struct ReplacementLock: ~Copyable {
    private let lock: FileDescriptor
    private let name: String

    /// Another process holds it only briefly.
    private static let timeout = 2 * Clock.nanosecondsPerSecond

    init(_ folder: borrowing Folder) throws(Errno) {
      name = ".\(folder.name).lock"
      let deadline = Clock.monotonic() &+ ReplacementLock.timeout
      while true {
        let file = try folder.open(flags: O_CREAT | O_RDWR, mode: 0o600, name: name)
        // An earlier holder may have removed the file meanwhile.
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

    func unlock(_ folder: borrowing Folder) { folder.remove(name) }
  }
}
