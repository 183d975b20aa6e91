import Glibc
import HTTP
import PluginHost

// Queued bytes that go to a file, since nobody takes them.

extension OutputQueue {
  /// What stays in memory in any case: TLS may have begun to send a record of it, and begins with the same bytes again.
  private static let keptInMemory = 32 << 10

  /// Moves what is queued in memory to a spool, all but the beginning. Files and sections stay in their places.
  ///
  /// - Parameters:
  ///   - keeps: the beginning stays, as a copy where the plugin lends it.
  ///   - limit: see `Spool.append`.
  /// - Returns: false if there is no room for all of it: memory that the plugin lends may be queued still.
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

  /// Copies the first bytes of a segment, up to `limit`, which are used up then; how many.
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

  /// Bytes of a spool join those before them there, or are a segment of their own.
  private mutating func append(spooled count: Int, at offset: Int, of spool: Spool, _ pool: inout BufferPool) {
    if let last = unsafe last {
      let segment = unsafe Buffer(header: last)
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
  /// It stands for bytes in memory, the worker's own or lent.
  fileprivate var holdsBytes: Bool {
    switch record.content {
    case .bytes, .lent: unreadCount > 0 && record.owner == 0
    case .file, .section: false
    }
  }
}
