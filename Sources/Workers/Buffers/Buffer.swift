import Glibc
import HTTP

/// A run of memory with a header before it: input that is parsed in place, or a segment of output.
@safe
struct Buffer {
  let header: UnsafeMutablePointer<BufferHeader>

  var record: BufferHeader {
    unsafeAddress { unsafe UnsafePointer(header) }
    nonmutating unsafeMutableAddress { unsafe header }
  }

  var base: UnsafeMutablePointer<UInt8> {
    unsafe UnsafeMutableRawPointer(header + 1).assumingMemoryBound(to: UInt8.self)
  }

  /// The first byte that is not used up.
  var unread: UnsafeMutablePointer<UInt8> { unsafe base + record.start }
  var unreadCount: Int { record.end - record.start }
  /// Where the next bytes go.
  var free: UnsafeMutablePointer<UInt8> { unsafe base + record.end }
  var freeCount: Int { record.capacity - record.end }

  /// The one behind it in its list.
  var next: Buffer? {
    guard let header = unsafe record.next else { return nil }
    return unsafe Buffer(header: header)
  }

  /// It stands for a part of a file.
  var isFile: Bool {
    if case .file = record.content { return true }
    return false
  }

  /// It stands for memory that the plugin lends.
  var isLent: Bool {
    if case .lent = record.content { return true }
    return false
  }

  /// It stands for what a plugin lends, or somebody waits for its end.
  var belongsToPlugin: Bool { record.owner != Spool.owner && (isFile || isLent || record.owner != 0) }

  /// It holds nothing, and stands in no list.
  func empty() {
    unsafe record.next = nil
    record.start = 0
    record.end = 0
  }

  /// The unread bytes move to the front; views of them are stale.
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
    let header = unsafe raw.assumingMemoryBound(to: BufferHeader.self)
    unsafe header.initialize(to: BufferHeader(capacity: capacity))
    return unsafe Buffer(header: header)
  }

  func deallocate() {
    unsafe HostileMemory.free(
      UnsafeMutableRawPointer(header), count: MemoryLayout<BufferHeader>.size + record.capacity)
  }
}

@safe
struct BufferHeader {
  let capacity: Int
  var next: UnsafeMutablePointer<BufferHeader>?
  var start = 0
  var end = 0
  /// What the segment holds, when it is one of output.
  var content = SegmentContent.bytes
  /// The exchange to tell when the segment is done, where it wants to know; 0 for none.
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
  /// Memory that the plugin lends; `start` and `end` of the header count in it.
  case lent(UnsafePointer<UInt8>)
  /// Part of a file; `start` and `end` count from the offset.
  case file(CInt, offset: UInt64)
  /// The buffer's own bytes, which are a `FieldSection`, or just the end: part of a stream's answer before framing.
  case section(SectionKind)
}

/// What a section of a stream's answer is.
enum SectionKind {
  case informational
  /// A final head; a body follows.
  case head
  /// A final head that is all of the answer.
  case wholeHead
  case trailers
  /// No fields: the answer ends.
  case end
}
