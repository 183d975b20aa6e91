import Glibc
import HTTP
import Memory

/// A run of memory with a header before it: input that is parsed in place, or a segment of output.
typealias Buffer = Pinned<BufferHeader>

extension Buffer {
  var base: UnsafeMutablePointer<UInt8> {
    unsafe UnsafeMutableRawPointer(address + 1).assumingMemoryBound(to: UInt8.self)
  }

  /// The first byte that has not been consumed.
  var unread: UnsafeMutablePointer<UInt8> { unsafe base + record.start }
  // No peer can influence these numbers: 0 <= start <= end <= capacity.
  var unreadCount: Int {
    assert(record.start >= 0 && record.start <= record.end)
    return record.end &- record.start
  }
  /// Where the next bytes go.
  var free: UnsafeMutablePointer<UInt8> { unsafe base + record.end }
  var freeCount: Int {
    assert(record.end <= record.capacity)
    return record.capacity &- record.end
  }

  /// The segment refers to a part of a file.
  var isFile: Bool {
    if case .file = record.content { return true }
    return false
  }

  /// The segment refers to memory that the plugin lends.
  var isLent: Bool {
    if case .lent = record.content { return true }
    return false
  }

  /// The segment refers to something that a plugin lends, or a plugin waits until it is sent.
  var belongsToPlugin: Bool { record.owner != Spool.owner && (isFile || isLent || record.owner != 0) }

  /// The buffer is empty and in no list.
  func empty() {
    record.next = nil
    record.start = 0
    record.end = 0
  }

  /// Moves the unread bytes to the front. Views of them become invalid.
  func compact() {
    let count = unreadCount
    if record.start > 0 && count > 0 { unsafe memmove(base, unread, count) }
    record.start = 0
    record.end = count
  }

  /// A buffer straight from the allocator.
  static func allocate(capacity: Int) -> Buffer {
    let bytes = MemoryLayout<BufferHeader>.size + capacity
    let raw = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: MemoryLayout<BufferHeader>.alignment)
    let buffer = unsafe Buffer(raw: raw)
    unsafe buffer.address.initialize(to: BufferHeader(capacity: capacity))
    return buffer
  }

  func deallocate() {
    unsafe HostileMemory.free(
      raw, count: MemoryLayout<BufferHeader>.size + record.capacity)
  }
}

@safe
struct BufferHeader {
  let capacity: Int
  /// The one behind it in its list.
  var next: Buffer?
  var start = 0
  var end = 0
  /// What the buffer holds as a segment of output.
  var content = SegmentContent.bytes
  /// The exchange to notify when the segment is done; 0 for none.
  var owner: UInt64 = 0
  var tag: UInt64 = 0
  var release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  var context: UnsafeMutableRawPointer?

  init(capacity: Int) { self.capacity = capacity }
}

/// What a segment of output stands for.
@safe
enum SegmentContent {
  /// The buffer's own bytes.
  case bytes
  /// Memory that the plugin lends; `start` and `end` of the header are offsets in it.
  case lent(UnsafePointer<UInt8>)
  /// Part of a file; `start` and `end` are relative to the offset.
  case file(CInt, offset: UInt64)
  /// The buffer's own bytes, which are a `FieldSection` or the bare end: part of a stream's response before framing.
  case section(SectionKind)
}

/// The kind of a section of a stream's response.
enum SectionKind {
  case informational
  /// A final head; a body follows.
  case head
  /// A final head that is all of the response.
  case wholeHead
  case trailers
  /// No fields: the response ends.
  case end
}
