import Glibc
import HTTP
import Platform
import PluginHost

/// Bytes on their way to a client, in order: copied ones in pooled buffers, lent ones where the plugin keeps them, files.
///
/// The queue calls nobody: segments that somebody waits for are put aside when done (`done`), for the owner of the queue
/// to settle when no record is being changed.
@safe
struct OutputQueue: ~Copyable {
  var first: UnsafeMutablePointer<BufferHeader>?
  var last: UnsafeMutablePointer<BufferHeader>?
  /// The bytes that are queued in memory; those of files wait where they are.
  var count = 0
  /// How many of them are lent.
  private(set) var lent = 0
  /// A file is queued that is the plugin's.
  var waitsForPlugin: Bool {
    var next = unsafe first
    while let header = unsafe next {
      let segment = unsafe Buffer(header: header)
      if segment.isFile && segment.record.owner != Spool.owner { return true }
      unsafe next = header.pointee.next
    }
    return false
  }
  /// The bytes of files that wait.
  private var fileBytes: UInt64 = 0
  /// The bytes sent so far, files too; wraps.
  private(set) var sent: UInt64 = 0
  /// Segments that are sent and whose lease or tag is still to be settled.
  private(set) var done = SegmentList()

  var isEmpty: Bool { unsafe first == nil }
  /// The bytes that stand in memory of the worker.
  var held: Int { count - lent }

  /// What is to be sent next.
  var firstSegment: Buffer? {
    guard let header = unsafe first else { return nil }
    return unsafe Buffer(header: header)
  }

  // MARK: Appending

  /// Lets `body` write up to `bound` bytes in one piece.
  mutating func write(bound: Int, _ pool: inout BufferPool, _ body: (inout ByteWriter) -> Void) {
    let buffer = tail(bound, &pool)
    var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
    body(&writer)
    wrote(writer.count, to: buffer)
  }

  /// `bytes` bytes have been written to where `buffer`, which `tail` has given, is free.
  @inline(__always)
  mutating func wrote(_ bytes: Int, to buffer: Buffer) {
    buffer.record.end += bytes
    count += bytes
  }

  /// Copies `bytes`, over as many buffers as it takes.
  mutating func append(_ bytes: Bytes, _ pool: inout BufferPool) {
    guard var source = unsafe bytes.base else { return }
    var rest = bytes.count
    while rest > 0 {
      let buffer = tail(min(rest, 1024), &pool)
      let part = min(rest, buffer.freeCount)
      unsafe ByteCopy.copy(source, part, to: buffer.free)
      buffer.record.end += part
      count += part
      unsafe source += part
      rest -= part
    }
  }

  /// Lent memory, which stays until the segment is settled.
  mutating func append(lent bytes: Bytes, lease: Lease, tag: UInt64, owner: UInt64, _ pool: inout BufferPool) {
    let segment = pool.take(0)
    if let base = unsafe bytes.base { unsafe segment.record.content = .lent(base) }
    finish(segment, length: bytes.count, lease, tag, owner)
  }

  mutating func append(file part: FilePart, owner: UInt64, _ pool: inout BufferPool) {
    let segment = pool.take(0)
    unsafe segment.record.content = .file(part.descriptor, offset: part.offset)
    finish(segment, length: Int(clamping: part.length), part.lease, part.tag, owner)
  }

  /// A mark that is settled when all before it has been sent.
  mutating func append(mark tag: UInt64, owner: UInt64, _ pool: inout BufferPool) {
    finish(pool.take(0), length: 0, .call, tag, owner)
  }

  private mutating func finish(_ segment: Buffer, length: Int, _ lease: Lease, _ tag: UInt64, _ owner: UInt64) {
    segment.record.end = length
    segment.record.tag = tag
    segment.record.owner = owner
    unsafe segment.record.release = lease.release
    unsafe segment.record.context = lease.context
    push(segment)
    if segment.isFile {
      fileBytes &+= UInt64(length)
      return
    }
    count = Int(clamping: UInt64(count) + UInt64(length))
    if segment.isLent { lent = Int(clamping: UInt64(lent) + UInt64(length)) }
  }

  /// Takes over all of `other`.
  mutating func append(_ other: inout OutputQueue) {
    guard let head = unsafe other.first else { return }
    if let last = unsafe last { unsafe last.pointee.next = head } else { unsafe first = head }
    unsafe last = other.last
    count += other.count
    lent += other.lent
    fileBytes &+= other.fileBytes
    unsafe other.first = nil
    unsafe other.last = nil
    other.count = 0
    other.lent = 0
    other.fileBytes = 0
  }

  /// Takes the first segment out, which is the caller's from here on.
  mutating func popFirst() -> Buffer? {
    guard let header = unsafe first else { return nil }
    let segment = unsafe Buffer(header: header)
    unsafe first = header.pointee.next
    if unsafe first == nil { unsafe last = nil }
    switch segment.record.content {
    case .bytes, .section: count -= segment.unreadCount
    case .lent:
      count -= segment.unreadCount
      lent -= segment.unreadCount
    case .file: fileBytes &-= UInt64(segment.unreadCount)
    }
    return segment
  }

  /// Puts such a segment at the end.
  mutating func pushBack(_ segment: Buffer) {
    push(segment)
    switch segment.record.content {
    case .bytes, .section: count += segment.unreadCount
    case .lent:
      count += segment.unreadCount
      lent += segment.unreadCount
    case .file: fileBytes &+= UInt64(segment.unreadCount)
    }
  }

  /// The last segment, a part of a file, reaches further.
  mutating func extend(_ segment: Buffer, by bytes: Int) {
    segment.record.end += bytes
    fileBytes &+= UInt64(bytes)
  }

  mutating func push(_ buffer: Buffer) {
    unsafe buffer.record.next = nil
    if let last = unsafe last { unsafe last.pointee.next = buffer.header } else { unsafe first = buffer.header }
    unsafe last = buffer.header
  }

  /// A buffer at the end with room for `bytes`.
  @inline(__always)
  mutating func tail(_ bytes: Int, _ pool: inout BufferPool) -> Buffer {
    if let last = unsafe last {
      let buffer = unsafe Buffer(header: last)
      if case .bytes = buffer.record.content, buffer.freeCount >= bytes { return buffer }
    }
    let buffer = pool.take(max(bytes, 1))
    push(buffer)
    return buffer
  }

  // MARK: Sending

  enum FlushResult {
    /// All is sent.
    case empty
    /// The socket takes no more now.
    case blocked
    /// The connection, or a file, is broken.
    case failed(Outcome)
  }

  /// Sends as much as the socket takes.
  ///
  /// - Parameter isLast: whether the end of our side follows as soon as all is sent, in the same packet if it can.
  @inline(__always)
  mutating func flush(to fd: CInt, isLast: Bool = false, _ pool: inout BufferPool) -> FlushResult {
    while let header = unsafe first {
      let segment = unsafe Buffer(header: header)
      let sent: Int
      if case .file(let file, let offset) = segment.record.content, segment.unreadCount > 0 {
        sent = Connections.sendFile(
          fd, from: file, offset: offset + UInt64(segment.record.start), count: UInt64(segment.unreadCount))
        if sent == 0 { return .failed(.io) }
      } else {
        sent = sendBytes(to: fd, isLast)
      }
      if sent < 0 {
        if errno == EAGAIN { return .blocked }
        return .failed(OutputQueue.isPeersFault(errno) ? .closed : .io)
      }
      consume(sent, &pool)
    }
    return .empty
  }

  /// What a socket says whose peer has left or can't be reached; whatever else comes, comes of a file.
  private static func isPeersFault(_ code: CInt) -> Bool {
    [EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ECONNABORTED, ENOTCONN].contains(code)
  }

  private static let vectorCount = 16

  /// One system call for the bytes up to the next file, whose first ones share a packet with them.
  @inline(__always)
  private func sendBytes(to fd: CInt, _ isLast: Bool) -> Int {
    guard let header = unsafe first else { return 0 }
    let segment = unsafe Buffer(header: header)
    if unsafe header.pointee.next != nil { return sendVectors(to: fd, isLast) }
    if segment.unreadCount == 0 { return 0 }
    return unsafe Connections.send(fd, address(segment), segment.unreadCount, more: isLast)
  }

  /// Likewise, of several segments.
  @inline(never)
  private func sendVectors(to fd: CInt, _ isLast: Bool) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: OutputQueue.vectorCount) { vectors in
      var used = 0
      var next = unsafe first
      while let header = unsafe next, used < OutputQueue.vectorCount {
        let segment = unsafe Buffer(header: header)
        if case .file = segment.record.content, segment.unreadCount > 0 { break }
        if segment.unreadCount > 0 {
          unsafe vectors[used] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: address(segment)), iov_len: segment.unreadCount)
          used += 1
        }
        unsafe next = header.pointee.next
      }
      if used == 0 { return 0 }
      return unsafe Connections.send(fd, vectors.baseAddress.unsafelyUnwrapped, used, more: isLast || next != nil)
    }
  }

  func address(_ segment: Buffer) -> UnsafeRawPointer {
    if case .lent(let base) = segment.record.content { return unsafe UnsafeRawPointer(base + segment.record.start) }
    return unsafe UnsafeRawPointer(segment.unread)
  }

  /// Drops `sent` bytes and the segments that are done with them.
  @inline(__always)
  mutating func consume(_ sent: Int, _ pool: inout BufferPool) {
    var rest = sent
    self.sent &+= UInt64(sent)
    while let header = unsafe first {
      let segment = unsafe Buffer(header: header)
      let part = min(rest, segment.unreadCount)
      take(part, of: segment)
      rest -= part
      guard segment.unreadCount == 0 else { return }
      unsafe first = header.pointee.next
      if unsafe first == nil { unsafe last = nil }
      retire(segment, &pool)
      if rest == 0, let next = unsafe first, unsafe Buffer(header: next).unreadCount > 0 { return }
    }
  }

  /// `part` bytes of `segment` are gone.
  mutating func take(_ part: Int, of segment: Buffer) {
    segment.record.start += part
    switch segment.record.content {
    case .bytes, .section: count -= part
    case .lent:
      count -= part
      lent -= part
    case .file: fileBytes &-= UInt64(part)
    }
  }

  mutating func retire(_ segment: Buffer, _ pool: inout BufferPool) {
    if segment.record.owner != 0 { done.push(segment) } else { pool.give(segment) }
  }

  /// The bytes that wait, those of files too.
  var total: UInt64 { UInt64(count) &+ fileBytes }

  /// Gives all up; leases and tags go to `done`.
  mutating func discard(_ pool: inout BufferPool) {
    while let header = unsafe first {
      unsafe first = header.pointee.next
      retire(unsafe Buffer(header: header), &pool)
    }
    unsafe last = nil
    count = 0
    lent = 0
    fileBytes = 0
  }

  /// Gives up what somebody lends, and all behind the first of it. Copied bytes before it, which other answers may be
  /// among, can still go.
  ///
  /// - Returns: how many bytes were given up.
  mutating func discardLent(_ pool: inout BufferPool) -> UInt64 {
    var kept: UnsafeMutablePointer<BufferHeader>?
    var next = unsafe first
    while let header = unsafe next, unsafe !Buffer(header: header).belongsToPlugin {
      unsafe kept = header
      unsafe next = header.pointee.next
    }
    let before = total
    if let kept = unsafe kept { unsafe kept.pointee.next = nil } else { unsafe first = nil }
    unsafe last = kept
    while let header = unsafe next {
      unsafe next = header.pointee.next
      let segment = unsafe Buffer(header: header)
      take(segment.unreadCount, of: segment)
      retire(segment, &pool)
    }
    return before &- total
  }

  /// The segments to settle, which are the caller's from here on.
  mutating func takeDone() -> SegmentList {
    let list = done
    done = SegmentList()
    return list
  }
}

/// Segments that are done, oldest first.
@safe
struct SegmentList {
  private var first: UnsafeMutablePointer<BufferHeader>?
  private var last: UnsafeMutablePointer<BufferHeader>?

  var isEmpty: Bool { unsafe first == nil }

  mutating func push(_ segment: Buffer) {
    unsafe segment.record.next = nil
    if let last = unsafe last { unsafe last.pointee.next = segment.header } else { unsafe first = segment.header }
    unsafe last = segment.header
  }

  mutating func pop() -> Buffer? {
    guard let header = unsafe first else { return nil }
    unsafe first = header.pointee.next
    if unsafe first == nil { unsafe last = nil }
    return unsafe Buffer(header: header)
  }
}
