import Glibc
import HTTP
import Platform
import PluginHost

/// Bytes on their way to a client, in order: copies in pooled buffers, memory that the plugin lends, parts of files.
///
/// The queue makes no callbacks. Segments with a lease or a tag go to `done` when they are sent, and the owner of the
/// queue settles them when no record is being changed.
@safe
struct OutputQueue: ~Copyable {
  var first: Buffer?
  var last: Buffer?
  /// The bytes queued in memory, without those of files.
  var count = 0
  /// How many of them are lent.
  private(set) var lent = 0
  /// A file that belongs to the plugin is queued.
  var waitsForPlugin: Bool {
    var next = first
    while let segment = next {
      if segment.isFile && segment.record.owner != Spool.owner { return true }
      next = segment.record.next
    }
    return false
  }
  /// The bytes of files that are queued.
  private var fileBytes: UInt64 = 0
  /// The bytes sent so far, those of files included; wraps.
  private(set) var sent: UInt64 = 0
  /// Segments that are sent and whose lease or tag is still to be settled.
  private(set) var done = SegmentList()

  var isEmpty: Bool { first == nil }
  /// The bytes queued in the worker's own memory.
  var held: Int { count - lent }

  /// The next segment to send.
  var firstSegment: Buffer? { first }

  // MARK: Appending

  /// Lets `body` write up to `bound` bytes in one piece.
  mutating func write(bound: Int, _ pool: inout BufferPool, _ body: (inout ByteWriter) -> Void) {
    let buffer = tail(bound, &pool)
    var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
    body(&writer)
    wrote(writer.count, to: buffer)
  }

  /// Adds `bytes` bytes that have been written into the free part of `buffer`, which `tail` returned.
  @inline(__always)
  mutating func wrote(_ bytes: Int, to buffer: Buffer) {
    buffer.record.end += bytes
    count += bytes
  }

  /// Copies `bytes` into as many buffers as they need.
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

  /// Appends lent memory. It stays lent until the segment is settled.
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

  /// Appends a mark, which is settled when everything before it has been sent.
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
    countAdded(length, of: segment)
  }

  /// Adds `bytes` of `segment` to the counts.
  private mutating func countAdded(_ bytes: Int, of segment: Buffer) {
    if segment.isFile {
      fileBytes &+= UInt64(bytes)
      return
    }
    count = Int(clamping: UInt64(count) + UInt64(bytes))
    if segment.isLent { lent = Int(clamping: UInt64(lent) + UInt64(bytes)) }
  }

  /// Removes `bytes` from the counts.
  @inline(__always)
  private mutating func countTaken(_ bytes: Int, of segment: Buffer) {
    switch segment.record.content {
    case .bytes, .section: count -= bytes
    case .lent:
      count -= bytes
      lent -= bytes
    case .file: fileBytes &-= UInt64(bytes)
    }
  }

  /// Takes over all of `other`.
  mutating func append(_ other: inout OutputQueue) {
    guard let head = other.first else { return }
    if let last { last.record.next = head } else { first = head }
    last = other.last
    count += other.count
    lent += other.lent
    fileBytes &+= other.fileBytes
    other.first = nil
    other.last = nil
    other.count = 0
    other.lent = 0
    other.fileBytes = 0
  }

  /// Removes the first segment and transfers it to the caller.
  mutating func popFirst() -> Buffer? {
    guard let segment = first else { return nil }
    first = segment.record.next
    if first == nil { last = nil }
    countTaken(segment.unreadCount, of: segment)
    return segment
  }

  /// Appends a segment that `popFirst` returned.
  mutating func pushBack(_ segment: Buffer) {
    push(segment)
    countAdded(segment.unreadCount, of: segment)
  }

  /// Extends the last segment, which is a part of a file.
  mutating func extend(_ segment: Buffer, by bytes: Int) {
    segment.record.end += bytes
    countAdded(bytes, of: segment)
  }

  mutating func push(_ buffer: Buffer) {
    buffer.record.next = nil
    if let last { last.record.next = buffer } else { first = buffer }
    last = buffer
  }

  /// A buffer at the end with room for `bytes`.
  @inline(__always)
  mutating func tail(_ bytes: Int, _ pool: inout BufferPool) -> Buffer {
    if let buffer = last {
      if case .bytes = buffer.record.content, buffer.freeCount >= bytes { return buffer }
    }
    let buffer = pool.take(max(bytes, 1))
    push(buffer)
    return buffer
  }

  // MARK: Sending

  enum FlushResult {
    /// Everything has been sent.
    case empty
    /// The socket takes no more now.
    case blocked
    /// The connection, or a file, is broken.
    case failed(CallStatus)
  }

  /// Sends as much as the socket takes.
  ///
  /// - Parameter isLast: whether our side ends as soon as everything is sent; the FIN shares the last packet if
  ///   possible.
  @inline(__always)
  mutating func flush(to fd: CInt, isLast: Bool = false, _ pool: inout BufferPool) -> FlushResult {
    while let segment = first {
      let sent: Int
      if case .file(let file, let offset) = segment.record.content, segment.unreadCount > 0 {
        sent = ConnectedSocket.sendFile(
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

  /// Whether the error means that the peer has left or can't be reached. All others are errors of a file.
  private static func isPeersFault(_ code: CInt) -> Bool {
    [EPIPE, ECONNRESET, ETIMEDOUT, EHOSTUNREACH, ENETUNREACH, ENETDOWN, ECONNABORTED, ENOTCONN].contains(code)
  }

  private static let vectorCount = 16

  /// Sends the bytes up to the next file in one system call. The file's first bytes share a packet with them.
  @inline(__always)
  private func sendBytes(to fd: CInt, _ isLast: Bool) -> Int {
    guard let segment = first else { return 0 }
    if segment.record.next != nil { return sendVectors(to: fd, isLast) }
    if segment.unreadCount == 0 { return 0 }
    return unsafe ConnectedSocket.send(fd, address(segment), segment.unreadCount, more: isLast)
  }

  /// Likewise, of several segments.
  @inline(never)
  private func sendVectors(to fd: CInt, _ isLast: Bool) -> Int {
    unsafe withUnsafeTemporaryAllocation(of: iovec.self, capacity: OutputQueue.vectorCount) { vectors in
      var used = 0
      var next = first
      while let segment = next, used < OutputQueue.vectorCount {
        if case .file = segment.record.content, segment.unreadCount > 0 { break }
        if segment.unreadCount > 0 {
          unsafe vectors[used] = iovec(
            iov_base: UnsafeMutableRawPointer(mutating: address(segment)), iov_len: segment.unreadCount)
          used += 1
        }
        next = segment.record.next
      }
      if used == 0 { return 0 }
      return unsafe ConnectedSocket.send(fd, vectors.baseAddress.unsafelyUnwrapped, used, more: isLast || next != nil)
    }
  }

  func address(_ segment: Buffer) -> UnsafeRawPointer {
    if case .lent(let base) = segment.record.content { return unsafe UnsafeRawPointer(base + segment.record.start) }
    return unsafe UnsafeRawPointer(segment.unread)
  }

  /// Removes `sent` bytes and the segments that end within them.
  @inline(__always)
  mutating func consume(_ sent: Int, _ pool: inout BufferPool) {
    var rest = sent
    self.sent &+= UInt64(sent)
    while let segment = first {
      let part = min(rest, segment.unreadCount)
      take(part, of: segment)
      rest -= part
      guard segment.unreadCount == 0 else { return }
      first = segment.record.next
      if first == nil { last = nil }
      retire(segment, &pool)
      if rest == 0, let next = first, next.unreadCount > 0 { return }
    }
  }

  /// Consumes `part` bytes of `segment`.
  mutating func take(_ part: Int, of segment: Buffer) {
    segment.record.start += part
    countTaken(part, of: segment)
  }

  mutating func retire(_ segment: Buffer, _ pool: inout BufferPool) {
    if segment.record.owner != 0 { done.push(segment) } else { pool.give(segment) }
  }

  /// The queued bytes, those of files included.
  var total: UInt64 { UInt64(count) &+ fileBytes }

  /// Drops everything; leases and tags go to `done`.
  mutating func discard(_ pool: inout BufferPool) {
    while let segment = first {
      first = segment.record.next
      retire(segment, &pool)
    }
    last = nil
    count = 0
    lent = 0
    fileBytes = 0
  }

  /// Drops lent memory and everything behind the first of it. Copied bytes before it stay, since they may belong to
  /// earlier responses.
  ///
  /// - Returns: how many bytes were dropped.
  mutating func discardLent(_ pool: inout BufferPool) -> UInt64 {
    var kept: Buffer?
    var next = first
    while let segment = next, !segment.belongsToPlugin {
      kept = segment
      next = segment.record.next
    }
    let before = total
    if let kept { kept.record.next = nil } else { first = nil }
    last = kept
    while let segment = next {
      next = segment.record.next
      take(segment.unreadCount, of: segment)
      retire(segment, &pool)
    }
    return before &- total
  }

  /// Transfers the segments to settle to the caller.
  mutating func takeDone() -> SegmentList {
    let list = done
    done = SegmentList()
    return list
  }
}

/// Segments that are done, oldest first.
struct SegmentList {
  private var first: Buffer?
  private var last: Buffer?

  var isEmpty: Bool { first == nil }

  mutating func push(_ segment: Buffer) {
    segment.record.next = nil
    if let last { last.record.next = segment } else { first = segment }
    last = segment
  }

  mutating func pop() -> Buffer? {
    guard let segment = first else { return nil }
    first = segment.record.next
    if first == nil { last = nil }
    return segment
  }
}
