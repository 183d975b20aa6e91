import CLinux
import Glibc

/// The file with a service's process id, locked as long as the service lives: the lock, which ends with the process, tells
/// a live one from what a killed one has left behind, and the id that happens to be in use again.
///
/// The file is complete whenever it can be seen: it is written under another name, and gets its own by link or rename.
package struct PidFile: ~Copyable {
  package enum Fault: Error {
    /// Another process has the lock; the text of the file says which.
    case held(path: String, by: String)
    case system(Errno)
  }

  package let path: String
  private let descriptor: FileDescriptor

  /// Makes the file for this process, in place of one that nobody holds.
  package init(path: String) throws(Fault) {
    do throws(Errno) {
      descriptor = try PidFile.make(temporary: "\(path).\(Process.id)", path: path)
      self.path = path
    } catch {
      guard error.code == EWOULDBLOCK else { throw .system(error) }
      let text = (try? FileContents.prefix(path: path, count: 32)) ?? []
      throw .held(path: path, by: String(decoding: text.prefix { $0 > 0x20 }, as: UTF8.self))
    }
  }

  /// Takes over a file that a former program of this process has made.
  package init(path: String, descriptor: consuming FileDescriptor) {
    self.path = path
    self.descriptor = descriptor
  }

  package var raw: CInt { descriptor.raw }

  /// Removes the file, unless another has taken its place.
  package consuming func remove() {
    if PidFile.identity(path) == PidFile.identity(of: descriptor.raw) { unsafe unlink(path) }
  }

  // MARK: Making

  private static func make(temporary: String, path: String) throws(Errno) -> FileDescriptor {
    unsafe unlink(temporary)
    let file = try FileDescriptor.open(temporary, flags: O_CREAT | O_EXCL | O_RDWR | O_NOFOLLOW, mode: 0o644)
    defer { unsafe unlink(temporary) }
    guard flock(file.raw, LOCK_EX | LOCK_NB) == 0, fchmod(file.raw, 0o644) == 0 else { throw .last("lock \(path)") }
    let text = Array("\(Process.id)\n".utf8)
    guard unsafe write(file.raw, text, text.count) == text.count else { throw .last("write \(path)") }
    // Each round another process has come in between.
    for _ in 0..<100 {
      if unsafe link(temporary, path) == 0 { return file }
      guard errno == EEXIST else { throw .last("make \(path)") }
      if try replace(path, by: temporary) { return file }
    }
    throw Errno(code: EAGAIN, attempt: "make \(path)")
  }

  /// Replaces a file that nobody holds; false if it is another by now.
  private static func replace(_ path: String, by temporary: String) throws(Errno) -> Bool {
    let raw = retryingInterrupts { unsafe outrider_open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0) }
    guard raw >= 0 else {
      if errno == ENOENT { return false }
      throw .last("open \(path)")
    }
    let present = FileDescriptor(owning: raw)
    guard isRegular(present.raw) else { throw Errno(code: EEXIST, attempt: "make \(path)") }
    // As long as this is held nobody else replaces it.
    guard flock(present.raw, LOCK_EX | LOCK_NB) == 0 else { throw .last("lock \(path)") }
    guard identity(path) == identity(of: present.raw) else { return false }
    guard unsafe rename(temporary, path) == 0 else { throw .last("make \(path)") }
    return true
  }

  private static func isRegular(_ fd: CInt) -> Bool {
    var status = stat()
    return unsafe fstat(fd, &status) == 0 && status.st_mode & S_IFMT == S_IFREG
  }

  private static func identity(_ path: String) -> String? {
    var status = stat()
    return unsafe lstat(path, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
  }

  private static func identity(of fd: CInt) -> String? {
    var status = stat()
    return unsafe fstat(fd, &status) == 0 ? "\(status.st_dev):\(status.st_ino)" : nil
  }
}
