import HTTP
import Memory

/// Body bytes of a stream's request that nobody has read yet, in pooled buffers; the stream's window bounds them.
@safe
struct BodyQueue: ~Copyable {
  private var first: Buffer?
  private var last: Buffer?
  private(set) var count = 0

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
    if let last, last.freeCount > 0 { return last }
    let buffer = pool.take(HostileMemory.first(BufferPool.smallCapacity))
    if let last { last.record.next = buffer } else { first = buffer }
    last = buffer
    return buffer
  }

  /// Up to `limit` bytes, valid until the next call; nil when there are none.
  mutating func take(_ limit: Int, _ pool: inout BufferPool) -> Bytes? {
    while let buffer = first {
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
    while let buffer = first { drop(buffer, &pool) }
    count = 0
  }

  private mutating func drop(_ buffer: Buffer, _ pool: inout BufferPool) {
    first = buffer.record.next
    if first == nil { last = nil }
    pool.give(buffer)
  }
}
