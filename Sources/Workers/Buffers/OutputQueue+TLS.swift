import Glibc
import HTTP
import Platform
import TLS

extension OutputQueue {
  /// Pieces of this size and more are records of their own. Smaller ones are combined, since each record costs a system
  /// call.
  private static let largePiece = 4096

  /// Sends as much as the socket takes, record by record.
  ///
  /// The next call must repeat the bytes of a record that the socket accepted only in part. A record is therefore made
  /// from the first segments alone: these stay, and bytes are added only at the end of the queue.
  mutating func flush(
    through session: inout TLSSession, _ pool: inout BufferPool, _ waitsForInput: inout Bool
  ) -> FlushResult {
    while let segment = firstSegment {
      let action: TLSAction?
      if segment.unreadCount == 0 {
        action = .done(0)
      } else if case .file(let file, let offset) = segment.record.content, session.sendsFiles {
        action = session.sendFile(
          file, offset: offset &+ UInt64(segment.record.start), count: UInt64(segment.unreadCount))
        if case .done(0)? = action { return .failed(.io) }
      } else if !segment.isFile, segment.unreadCount >= OutputQueue.largePiece || segment.record.next == nil {
        action = unsafe session.write(address(segment), segment.unreadCount)
      } else {
        action = sendGathered(through: &session, &pool)
      }
      switch action {
      case .done(let count)?: consume(count, &pool)
      case .wantWrite?: return .blocked
      case .wantRead?, .cut?:
        waitsForInput = true
        return .blocked
      case .closed?, .failed?: return .failed(.closed)
      case nil: return .failed(.io)
      }
    }
    return .empty
  }

  /// Sends one record made of as many segments as fit, reading files; nil if the first is a file that can't be read.
  private func sendGathered(through session: inout TLSSession, _ pool: inout BufferPool) -> TLSAction? {
    let record = pool.take(BufferPool.smallCapacity)
    defer { pool.give(record) }
    var next = firstSegment
    // Bytes that do not fit into the record would have to be read again for the next one.
    let limit = min(session.writeLimit, record.freeCount)
    while let segment = next, record.unreadCount < limit {
      let wanted = min(segment.unreadCount, limit - record.unreadCount)
      var copied = wanted
      if case .file(let file, let offset) = segment.record.content, wanted > 0 {
        if session.sendsFiles { break }
        copied = unsafe FileContents.read(
          file, at: offset &+ UInt64(segment.record.start), into: record.free, count: wanted)
        if copied <= 0 { break }
      } else if wanted > 0 {
        unsafe memcpy(record.free, address(segment), wanted)
      }
      record.record.end += copied
      if copied < wanted { break }
      next = segment.record.next
    }
    if record.unreadCount == 0 { return nil }
    return unsafe session.write(record.unread, record.unreadCount)
  }
}
