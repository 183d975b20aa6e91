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
    /// Keeps pieces up to PIPE_BUF together, and may have no room.
    case pipe
    case socket
  }

  /// Pieces up to this size are not mixed with what others write (PIPE_BUF).
  package static let pieceSize = 4096

  package init(_ descriptor: consuming FileDescriptor) {
    kind = Kind(of: descriptor)
    self.descriptor = descriptor
  }

  /// Standard output, by a description of its own where the system gives one, so that nobody else is told not to wait;
  /// nil if there is no standard output.
  package static func openStandardOutput() -> FileDescriptor? {
    if let own = try? LogFile.openOwn("/proc/self/fd/1") { return own }
    let raw = outrider_fcntl(1, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  package var raw: CInt { descriptor.raw }

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
  package func write(_ lines: UnsafeRawBufferPointer) throws(Errno) -> Int {
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

  private func write(_ bytes: UnsafeRawPointer?, _ count: Int) throws(Errno) -> Int {
    if case .pipe = kind, !isWritable { throw Errno(code: EAGAIN, attempt: "write") }
    let written = retryingInterrupts {
      if case .socket = kind { return unsafe send(descriptor.raw, bytes, count, LogSink.sendFlags) }
      return unsafe Glibc.write(descriptor.raw, bytes, count)
    }
    guard written > 0 else { throw .last("write") }
    return written
  }

  private static let sendFlags = CInt(MSG_DONTWAIT) | CInt(MSG_NOSIGNAL)

  private var isWritable: Bool {
    var poll = pollfd(fd: descriptor.raw, events: Int16(POLLOUT), revents: 0)
    return unsafe Glibc.poll(&poll, 1, 0) > 0
  }

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
    default: self = .pipe
    }
  }
}
