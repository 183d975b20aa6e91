import HTTP

/// Body bytes of a stream's request that nobody has read yet, in pooled buffers; the stream's window bounds them.
@safe
struct BodyQueue: ~Copyable {
  private var first: UnsafeMutablePointer<BufferHeader>?
  private var last: UnsafeMutablePointer<BufferHeader>?
  private(set) var count = 0

  init() {
    unsafe first = nil
    unsafe last = nil
  }

  var isEmpty: Bool { count == 0 }

  mutating func append(_ bytes: Bytes, _ pool: inout BufferPool) {
    var rest = bytes
    count += bytes.count
    while !rest.isEmpty {
      let buffer = roomyTail(&pool)
      let part = min(rest.count, buffer.freeCount)
      var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
      writer.append(rest.slice(0, part))
      buffer.record.end += part
      rest = rest.dropFirst(part)
    }
  }

  private mutating func roomyTail(_ pool: inout BufferPool) -> Buffer {
    if let last = unsafe last, unsafe Buffer(header: last).freeCount > 0 { return unsafe Buffer(header: last) }
    let buffer = pool.take(HostileMemory.first(BufferPool.smallCapacity))
    if let last = unsafe last { unsafe last.pointee.next = buffer.header } else { unsafe first = buffer.header }
    unsafe last = buffer.header
    return buffer
  }

  /// Up to `limit` bytes, valid until the next call; nil when there are none.
  mutating func take(_ limit: Int, _ pool: inout BufferPool) -> Bytes? {
    while let header = unsafe first {
      let buffer = unsafe Buffer(header: header)
      if buffer.unreadCount > 0 {
        let length = min(limit, buffer.unreadCount)
        let bytes = unsafe Bytes(base: UnsafePointer(buffer.unread), count: length)
        buffer.record.start += length
        count -= length
        return bytes
      }
      drop(buffer, &pool)
    }
    return nil
  }

  mutating func discard(_ pool: inout BufferPool) {
    while let header = unsafe first { drop(unsafe Buffer(header: header), &pool) }
    count = 0
  }

  private mutating func drop(_ buffer: Buffer, _ pool: inout BufferPool) {
    unsafe first = buffer.record.next
    if unsafe first == nil { unsafe last = nil }
    pool.give(buffer)
  }
}
