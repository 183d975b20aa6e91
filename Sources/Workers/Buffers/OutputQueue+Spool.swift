import Glibc
import HTTP
import PluginHost

// Moving queued bytes to a temporary file when the client does not read them.

extension OutputQueue {
  /// How much stays in memory: TLS may have begun a record of these bytes, and has to repeat the call with the same
  /// bytes.
  private static let keptInMemory = 32 << 10

  /// Moves the bytes queued in memory to a spool, except the beginning. Files and sections keep their places.
  ///
  /// - Parameters:
  ///   - keeps: whether the beginning stays in memory; lent memory is copied.
  ///   - limit: see `Spool.append`.
  /// - Returns: false if there is no room for all of it. Memory that the plugin lends may then still be queued.
  mutating func spill(to spool: Spool, keeps: Bool, limit: Int, _ pool: inout BufferPool) -> Bool {
    var rest = OutputQueue()
    rest.append(&self)
    var kept = keeps ? 0 : OutputQueue.keptInMemory
    var hasRoom = true
    while let segment = rest.popFirst() {
      guard hasRoom, segment.holdsBytes else {
        pushBack(segment)
        continue
      }
      if kept < OutputQueue.keptInMemory {
        if !segment.isLent {
          kept += segment.unreadCount
          pushBack(segment)
          continue
        }
        kept += copyFront(of: segment, OutputQueue.keptInMemory - kept, &pool)
        if segment.unreadCount == 0 {
          retire(segment, &pool)
          continue
        }
      }
      let count = segment.unreadCount
      guard let offset = unsafe spool.append(address(segment), count, workerLimit: limit) else {
        hasRoom = false
        pushBack(segment)
        continue
      }
      retire(segment, &pool)
      append(spooled: count, at: offset, of: spool, &pool)
    }
    return hasRoom
  }

  /// Copies up to `limit` bytes from the front of a segment and consumes them; returns how many.
  private mutating func copyFront(of segment: Buffer, _ limit: Int, _ pool: inout BufferPool) -> Int {
    let part = min(segment.unreadCount, limit)
    let copy = pool.take(part)
    unsafe memcpy(copy.free, address(segment), part)
    copy.record.end += part
    count += part
    push(copy)
    segment.record.start += part
    return part
  }

  /// Appends spooled bytes to the segment before them if that ends where they begin, else as a segment of their own.
  private mutating func append(spooled count: Int, at offset: Int, of spool: Spool, _ pool: inout BufferPool) {
    if let segment = last {
      if case .file(let file, let start) = segment.record.content, segment.record.owner == Spool.owner,
        file == spool.raw, start + UInt64(segment.record.end) == UInt64(offset)
      {
        return extend(segment, by: count)
      }
    }
    let part = FilePart(
      descriptor: spool.raw, offset: UInt64(offset), length: UInt64(count), lease: spool.lease, tag: 0)
    append(file: part, owner: Spool.owner, &pool)
  }
}

extension Buffer {
  /// The segment refers to bytes in memory, the worker's own or lent.
  fileprivate var holdsBytes: Bool {
    switch record.content {
    case .bytes, .lent: unreadCount > 0 && record.owner == 0
    case .file, .section: false
    }
  }
}
