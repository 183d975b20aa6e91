import CLinux
import Glibc

/// The destination of a log: a file, a pipe, a terminal or the journal. Writing never blocks, even if the destination
/// is shared or not read.
package struct LogSink: ~Copyable {
  private let descriptor: FileDescriptor
  private var kind: Kind

  fileprivate enum Kind {
    /// A file appends every write completely and in one piece.
    case file
    /// A pipe or a terminal. It keeps pieces up to PIPE_BUF together, and may have no room.
    case pipe
    /// A pipe or a terminal whose description blocks: each write has to request that it does not.
    case waitingPipe
    /// The same for a pipe whose kernel does not support that request.
    case askedPipe
    case socket
  }

  /// Pieces up to this size are not mixed with output of other processes (PIPE_BUF).
  package static let pieceSize = 4096

  package init(_ descriptor: consuming FileDescriptor) {
    kind = Kind(of: descriptor)
    self.descriptor = descriptor
  }

  /// Standard output, if possible by a description of its own, so that changing its flags does not affect other
  /// processes; nil if there is no standard output. A pipe or terminal of another user can't be opened again: then the
  /// shared description is used, and a terminal accepts nothing, because a write to it may block within a line.
  package static func openStandardOutput() -> FileDescriptor? {
    if let own = try? LogFile.openOwn("/proc/self/fd/1") { return own }
    let raw = outrider_fcntl(1, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  package var raw: CInt { descriptor.raw }

  /// A sink with the same destination as a descriptor; nil if no descriptor is left.
  package static func duplicate(of descriptor: CInt) -> LogSink? {
    let raw = outrider_fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? LogSink(FileDescriptor(owning: raw)) : nil
  }

  /// Switches to the destination of `other`.
  package mutating func replace(with other: borrowing FileDescriptor) {
    LogFile.replace(descriptor.raw, with: other)
    kind = Kind(of: descriptor)
  }

  /// The destination is an empty file.
  package var isEmptyFile: Bool {
    var status = stat()
    return unsafe fstat(descriptor.raw, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
  }

  /// Writes whole lines from the start of `lines`. None of them is longer than `pieceSize`.
  ///
  /// - Returns: the number of bytes written; an error if there are none. After a partial write nothing more is written,
  ///   so the last line may be incomplete.
  package mutating func write(_ lines: UnsafeRawBufferPointer) throws(Errno) -> Int {
    if case .file = kind { return try unsafe write(lines.baseAddress, lines.count) }
    var done = 0
    while done < lines.count {
      let piece = unsafe UnsafeRawBufferPointer(rebasing: lines[done..<min(lines.count, done + LogSink.pieceSize)])
      let count = unsafe done + piece.count == lines.count ? piece.count : LogSink.wholeLines(piece)
      do {
        let written = try unsafe write(piece.baseAddress, count)
        done += written
        if written < count { return done }
      } catch {
        if done > 0 { return done }
        throw error
      }
    }
    return done
  }

  private mutating func write(_ bytes: UnsafeRawPointer?, _ count: Int) throws(Errno) -> Int {
    if kind == .askedPipe && !hasRoom { throw Errno(code: EAGAIN, attempt: "write") }
    let written = retryingInterrupts {
      switch kind {
      case .file, .pipe, .askedPipe: return unsafe Glibc.write(descriptor.raw, bytes, count)
      case .waitingPipe: return unsafe outrider_write_nowait(descriptor.raw, bytes, count)
      case .socket: return unsafe send(descriptor.raw, bytes, count, LogSink.sendFlags)
      }
    }
    guard written <= 0 else { return written }
    let error = Errno.last("write")
    guard kind == .waitingPipe && error.code == EOPNOTSUPP && descriptor.isPipe else { throw error }
    kind = .askedPipe
    return try unsafe write(bytes, count)
  }

  /// Whether there is room for a piece: a pipe is writable if it has a free page. If two processes see the last free
  /// page, the write of one of them blocks until the pipe is read.
  private var hasRoom: Bool {
    var poll = pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0)
    return unsafe Glibc.poll(&poll, 1, 0) > 0
  }

  private static let sendFlags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)

  /// The number of bytes up to the last end of line; all bytes if there is none.
  private static func wholeLines(_ bytes: UnsafeRawBufferPointer) -> Int {
    unsafe bytes.lastIndex(of: 0x0A).map { $0 + 1 } ?? bytes.count
  }
}

extension LogSink.Kind {
  fileprivate init(of descriptor: borrowing FileDescriptor) {
    var status = stat()
    unsafe fstat(descriptor.raw, &status)
    switch status.st_mode & S_IFMT {
    case S_IFREG: self = .file
    case S_IFSOCK: self = .socket
    default: self = outrider_fcntl(descriptor.raw, F_GETFL, 0) & O_NONBLOCK == 0 ? .waitingPipe : .pipe
    }
  }
}

extension FileDescriptor {
  fileprivate var isPipe: Bool {
    var status = stat()
    return unsafe fstat(raw, &status) == 0 && status.st_mode & S_IFMT == S_IFIFO
  }
}
