/// The first SETTINGS frame, with SETTINGS_MAX_CONCURRENT_STREAMS patched: nghttp2 itself has no limit.
@safe
struct InitialSettingsFrame: ~Copyable {
  /// The position of the first entry's value: after the frame header and the entry's identifier (RFC 9113 section
  /// 6.5.1).
  private static let firstValue = 9 + 2

  private let memory: UnsafeMutablePointer<UInt8>
  private let count: Int

  /// A copy of `frame` with `limit` as the value of its first entry.
  init(_ frame: Bytes, limit: UInt32) {
    precondition(frame.count >= InitialSettingsFrame.firstValue + 4)
    count = frame.count
    unsafe memory = .allocate(capacity: count)
    for index in 0..<count { unsafe memory[index] = frame[index] }
    for index in 0..<4 {
      unsafe memory[InitialSettingsFrame.firstValue + index] = UInt8(
        truncatingIfNeeded: limit >> UInt32(24 - 8 * index))
    }
  }

  deinit { unsafe memory.deallocate() }

  /// Valid as long as the receiver lives.
  var bytes: Bytes { unsafe Bytes(base: memory, count: count) }
}
