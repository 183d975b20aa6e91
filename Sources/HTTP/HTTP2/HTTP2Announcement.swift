/// The first SETTINGS frame, which says something else than the library that made it believes.
@safe
struct HTTP2Announcement: ~Copyable {
  /// Behind the frame's header and the first entry's identifier (RFC 9113 section 6.5.1).
  private static let firstValue = 9 + 2

  private let memory: UnsafeMutablePointer<UInt8>
  private let count: Int

  /// A copy of `frame` with `limit` as the value of its first entry.
  init(_ frame: Bytes, limit: UInt32) {
    precondition(frame.count >= HTTP2Announcement.firstValue + 4)
    count = frame.count
    unsafe memory = .allocate(capacity: count)
    for index in 0..<count { unsafe memory[index] = frame[index] }
    for index in 0..<4 {
      unsafe memory[HTTP2Announcement.firstValue + index] = UInt8(
        truncatingIfNeeded: limit >> UInt32(24 - 8 * index))
    }
  }

  deinit { unsafe memory.deallocate() }

  /// Valid as long as the receiver lives.
  var bytes: Bytes { unsafe Bytes(base: memory, count: count) }
}
