import Glibc
import HTTP
import PluginHost

// The output queue of a stream: sections between runs of body, and how both become frames.

extension OutputQueue {
  // MARK: Appending

  /// Lets `body` write a section of up to `bound` bytes.
  mutating func write(
    section kind: SectionKind, bound: Int, _ pool: inout BufferPool, _ body: (inout ByteWriter) -> Void
  ) {
    let buffer = pool.take(bound)
    var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
    body(&writer)
    buffer.record.content = .section(kind)
    buffer.record.end += writer.count
    count += writer.count
    push(buffer)
  }

  /// A section without fields.
  mutating func append(section kind: SectionKind, _ pool: inout BufferPool) {
    let buffer = pool.take(0)
    buffer.record.content = .section(kind)
    push(buffer)
  }

  // MARK: Taking

  /// The section at the front, if there is one.
  var firstSection: (kind: SectionKind, bytes: Bytes)? {
    guard let buffer = first else { return nil }
    guard case .section(let kind) = buffer.record.content else { return nil }
    return unsafe (kind, Bytes(base: UnsafePointer(buffer.unread), count: buffer.unreadCount))
  }

  mutating func dropSection(_ pool: inout BufferPool) {
    guard let buffer = first else { return }
    first = buffer.record.next
    if first == nil { last = nil }
    count -= buffer.unreadCount
    pool.give(buffer)
  }

  /// How many bytes of body are at the front, at most `limit`, and the section that follows if these are all.
  func offer(_ limit: Int) -> (count: Int, next: SectionKind?) {
    var total = 0
    var next = first
    while let buffer = next {
      if case .section(let kind) = buffer.record.content { return (total, kind) }
      if buffer.unreadCount > limit - total { return (limit, nil) }
      total += buffer.unreadCount
      next = buffer.record.next
    }
    return (total, nil)
  }

  /// The section behind the body bytes that `offer` has counted.
  var nextSection: Bytes {
    var next = first
    while let buffer = next {
      if case .section = buffer.record.content {
        return unsafe Bytes(base: UnsafePointer(buffer.unread), count: buffer.unreadCount)
      }
      next = buffer.record.next
    }
    return .empty
  }

  /// The result of framing a DATA frame.
  enum Framing {
    /// Header and payload are appended.
    case whole
    /// Nothing is appended: `source` has been dropped since the frame was offered, or a file has become shorter.
    case notBegun
    /// Header and payload disagree, and nothing is appended: a bug of this program. The connection has to end.
    case outOfStep
  }

  /// Appends a DATA frame: nine bytes at `header`, then `length` bytes of body from the front of `source`.
  ///
  /// The principle: the payload that a header announces follows it completely, or the frame is not begun. Between the
  /// offer of a frame and this call anything may have dropped the bytes of `source`. A header on its own would make the
  /// client read frames of other streams as content of this one.
  mutating func frame(
    _ header: UnsafePointer<UInt8>, _ length: Int, from source: inout OutputQueue, _ pool: inout BufferPool
  ) -> Framing {
    guard source.offer(length).count == length else { return .notBegun }
    let buffer = tail(OutputQueue.frameHeader + length, &pool)
    let start = buffer.record.end
    unsafe buffer.free.update(from: header, count: OutputQueue.frameHeader)
    buffer.record.end += OutputQueue.frameHeader
    var rest = length
    while let segment = source.first, rest > 0 {
      let part = min(rest, segment.unreadCount)
      guard OutputQueue.copy(segment, part, to: buffer) else {
        buffer.record.end = start
        return .notBegun
      }
      source.take(part, of: segment)
      rest -= part
      source.retireSpent(&pool)
    }
    source.retireSpent(&pool)
    // Checked in every build: as many bytes are appended as the header announces.
    let announced = unsafe Int(header[0]) << 16 | Int(header[1]) << 8 | Int(header[2])
    guard buffer.record.end - start == OutputQueue.frameHeader + announced, announced == length else {
      buffer.record.end = start
      return .outOfStep
    }
    count += buffer.record.end - start
    return .whole
  }

  /// The length of a frame's header (RFC 9113 section 4.1).
  private static let frameHeader = 9

  private static func copy(_ segment: Buffer, _ count: Int, to buffer: Buffer) -> Bool {
    switch segment.record.content {
    case .bytes: unsafe buffer.free.update(from: segment.unread, count: count)
    case .lent(let base): unsafe buffer.free.update(from: base + segment.record.start, count: count)
    case .file(let file, let offset):
      var done = 0
      while done < count {
        let position = off_t(clamping: offset + UInt64(segment.record.start + done))
        let got = unsafe pread(file, buffer.free + done, count - done, position)
        if got < 0 && errno == EINTR { continue }
        guard got > 0 else { return false }
        done += got
      }
    case .section: return false
    }
    buffer.record.end += count
    return true
  }

  /// Retires segments of body at the front that are used up, or never held a byte; false if there are none.
  @discardableResult
  mutating func retireSpent(_ pool: inout BufferPool) -> Bool {
    var any = false
    while let segment = first {
      if case .section = segment.record.content { return any }
      guard segment.unreadCount == 0 else { return any }
      first = segment.record.next
      if first == nil { last = nil }
      retire(segment, &pool)
      any = true
    }
    return any
  }
}
