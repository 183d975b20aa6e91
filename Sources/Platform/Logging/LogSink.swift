import CLinux
import Glibc

/// Where a log's lines go: a file, a pipe, a terminal or the journal. Writing never waits, whoever shares it or does not
/// read it.
package struct LogSink: ~Copyable {
  private let descriptor: FileDescriptor
  private var kind: Kind

  fileprivate enum Kind {
    /// Takes whatever is written, at its end and in one piece.
    case file
    /// A pipe or a terminal. Keeps pieces up to PIPE_BUF together, and may have no room.
    case pipe
    /// Likewise, by a description that waits for room: each write has to say that it does not.
    case waitingPipe
    /// Likewise, of a pipe for which the kernel can't be told so.
    case askedPipe
    case socket
  }

  /// Pieces up to this size are not mixed with what others write (PIPE_BUF).
  package static let pieceSize = 4096

  package init(_ descriptor: consuming FileDescriptor) {
    kind = Kind(of: descriptor)
    self.descriptor = descriptor
  }

  /// Standard output, by a description of its own where the system gives one, so that nobody else is told not to wait;
  /// nil if there is no standard output. Where it is a pipe or a terminal of another user, which can't be opened anew, it
  /// is the description that others share, and a terminal takes nothing then: it can wait within a line.
  package static func openStandardOutput() -> FileDescriptor? {
    if let own = try? LogFile.openOwn("/proc/self/fd/1") { return own }
    let raw = outrider_fcntl(1, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  package var raw: CInt { descriptor.raw }

  /// One that leads to where a descriptor does; nil if there is none left.
  package static func duplicate(of descriptor: CInt) -> LogSink? {
    let raw = outrider_fcntl(descriptor, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? LogSink(FileDescriptor(owning: raw)) : nil
  }

  /// From now on lines go to where `other` leads.
  package mutating func replace(with other: borrowing FileDescriptor) {
    LogFile.replace(descriptor.raw, with: other)
    kind = Kind(of: descriptor)
  }

  /// Lines go to a file that has none yet.
  package var isEmptyFile: Bool {
    var status = stat()
    return unsafe fstat(descriptor.raw, &status) == 0 && status.st_mode & S_IFMT == S_IFREG && status.st_size == 0
  }

  /// Writes whole lines off the front of `lines`, of which none is longer than `pieceSize`.
  ///
  /// - Returns: the bytes written; an error if there are none. What takes a part of a piece is asked for no more, so that
  ///   the last line may be cut.
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

  /// For a piece: a pipe is writable when it has a page. Two processes can each believe so of the last one, and one of them
  /// waits then until somebody reads.
  private var hasRoom: Bool {
    var poll = pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0)
    return unsafe Glibc.poll(&poll, 1, 0) > 0
  }

  private static let sendFlags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)

  /// How many bytes there are up to the last end of a line; all if there is none.
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
