import CZlib
import Memory

/// Inflates the compressed messages of a client (RFC 7692 section 7.2.2). Its memory is made with the first of them.
@safe
package struct WebSocketInflater: ~Copyable {
  package enum Progress: Sendable {
    /// All input is consumed, and all that it holds is inflated.
    case inflated
    /// As much is inflated as may be; there may be more.
    case full
    /// There is more than may be.
    case exceeds
    case malformed
    case outOfMemory
  }

  /// zlib's state, which does not move; nil before the first message.
  private var stream: UnsafeMutablePointer<z_stream>?
  private let windowBits: Int
  private let keepsWindow: Bool
  /// Output ended where there was no more room, and zlib may hold more.
  package private(set) var hasPendingOutput = false
  /// How much of the tail is consumed.
  private var tailCount = 0

  /// How much room for output is made at a time.
  private static let stretch = 4096

  package init(_ compression: WebSocketCompression) {
    // Where 8 bits were negotiated, a client with zlib has a window of 9.
    windowBits = min(15, max(9, compression.clientWindowBits))
    keepsWindow = !compression.clientNoContextTakeover
    unsafe stream = nil
  }

  deinit {
    guard let stream = unsafe stream else { return }
    _ = unsafe inflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Inflates `input`, less than 4 GiB and not a part of `output`, and appends the result.
  ///
  /// - Parameters:
  ///   - limit: how many bytes may be appended.
  ///   - stopsWhenFull: more than that is for the next call, and not an error.
  /// - Returns: how much of `input` is consumed.
  package mutating func inflate(
    _ input: Bytes, into output: inout GrowingMemory<UInt8>, limit: Int, stopsWhenFull: Bool
  ) -> (consumed: Int, progress: Progress) {
    guard let stream = unsafe open() else { return (0, .outOfMemory) }
    precondition(input.count <= UInt32.max)
    unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: input.base)
    unsafe stream.pointee.avail_in = UInt32(input.count)
    let progress = unsafe run(stream, into: &output, limit: max(0, limit), stopsWhenFull: stopsWhenFull)
    let left = unsafe Int(stream.pointee.avail_in)
    unsafe stream.pointee.next_in = nil
    unsafe stream.pointee.avail_in = 0
    return (input.count - left, progress)
  }

  /// Inflates what the sender has left out at the end of a message: an empty block. Ends the message if the progress is
  /// `inflated`.
  package mutating func finish(
    into output: inout GrowingMemory<UInt8>, limit: Int, stopsWhenFull: Bool
  ) -> (consumed: Int, progress: Progress) {
    let tail: InlineArray<4, UInt8> = [0, 0, 0xFF, 0xFF]
    let span = tail.span
    let (consumed, progress) = unsafe span.withUnsafeBufferPointer { buffer in
      let bytes = unsafe Bytes(base: buffer.baseAddress, count: buffer.count)
      return inflate(bytes.dropFirst(tailCount), into: &output, limit: limit, stopsWhenFull: stopsWhenFull)
    }
    tailCount += consumed
    guard case .inflated = progress else { return (consumed, progress) }
    return (consumed, endMessage() ? .inflated : .malformed)
  }

  /// False if the message has ended within a block.
  private mutating func endMessage() -> Bool {
    guard let stream = unsafe stream else { return false }
    tailCount = 0
    // zlib's flag for "at the end of a block", above the number of bits that are left of the last byte.
    guard unsafe stream.pointee.data_type & 128 != 0 else { return false }
    return unsafe keepsWindow || inflateReset(stream) == Z_OK
  }

  private mutating func open() -> UnsafeMutablePointer<z_stream>? {
    if let stream = unsafe stream { return unsafe stream }
    let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe made.initialize(to: z_stream())
    // Negative: without the header and the checksum of zlib's own format.
    guard unsafe outrider_inflateInit2(made, Int32(-windowBits)) == Z_OK else {
      unsafe made.deallocate()
      return nil
    }
    unsafe stream = made
    return unsafe made
  }

  /// Inflates until the stream's input is consumed and nothing is pending, or not more may be appended.
  private mutating func run(
    _ stream: UnsafeMutablePointer<z_stream>, into output: inout GrowingMemory<UInt8>, limit: Int, stopsWhenFull: Bool
  ) -> Progress {
    let (end, overflows) = output.count.addingReportingOverflow(limit)
    repeat {
      let room = (overflows ? .max : end) - output.count
      if room == 0 {
        if stopsWhenFull {
          hasPendingOutput = true
          return .full
        }
        var byte: UInt8 = 0
        let (count, fault) = unsafe inflate(stream, to: &byte, room: 1)
        if count > 0 { return .exceeds }
        if let fault { return fault }
        continue
      }
      if output.capacity == output.count && !output.makeRoom(min(room, WebSocketInflater.stretch)) {
        return .exceeds
      }
      guard let place = unsafe output.end else { return .outOfMemory }
      let (count, fault) = unsafe inflate(stream, to: place, room: min(room, output.capacity - output.count))
      output.appendWritten(count)
      if let fault { return fault }
    } while unsafe hasPendingOutput || stream.pointee.avail_in > 0
    return .inflated
  }

  /// One step of zlib's: how many bytes it has written to `place`, and what is wrong, if anything.
  private mutating func inflate(
    _ stream: UnsafeMutablePointer<z_stream>, to place: UnsafeMutablePointer<UInt8>, room: Int
  ) -> (Int, Progress?) {
    let count = UInt32(clamping: room)
    unsafe stream.pointee.next_out = place
    unsafe stream.pointee.avail_out = count
    let status = unsafe CZlib.inflate(stream, Z_SYNC_FLUSH)
    let left = unsafe stream.pointee.avail_out
    unsafe stream.pointee.next_out = nil
    unsafe stream.pointee.avail_out = 0
    hasPendingOutput = left == 0
    switch status {
    // The latter: there was nothing to do.
    case Z_OK, Z_BUF_ERROR: return (Int(count - left), nil)
    // A block with BFINAL, after which another may come (RFC 7692 section 7.2.3.4). The window is kept.
    case Z_STREAM_END: return (Int(count - left), unsafe inflateResetKeep(stream) == Z_OK ? nil : .malformed)
    case Z_MEM_ERROR: return (Int(count - left), .outOfMemory)
    default: return (Int(count - left), .malformed)
    }
  }
}
