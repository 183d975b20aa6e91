import CZlib
import Memory

/// Deflates messages for a client (RFC 7692 section 7.2.1). Its memory is made with the first of them.
@safe
package struct WebSocketDeflater: ~Copyable {
  /// zlib's state, which does not move; nil before the first message.
  private var stream: UnsafeMutablePointer<z_stream>?
  private let windowBits: Int
  private let keepsWindow: Bool
  private let level: Int

  /// How much room for output is made at a time, beside what the message may need.
  private static let stretch = 64

  /// - Parameter level: 1 (fastest) to 9 (smallest).
  package init(_ compression: WebSocketCompression, level: Int = 6) {
    windowBits = min(15, max(9, compression.serverWindowBits))
    keepsWindow = !compression.serverNoContextTakeover
    self.level = min(9, max(1, level))
    unsafe stream = nil
  }

  deinit {
    guard let stream = unsafe stream else { return }
    _ = unsafe deflateEnd(stream)
    unsafe stream.deallocate()
  }

  /// Deflates a message, or a part of one, and appends the payload of its frame.
  ///
  /// - Parameters:
  ///   - bytes: is not a part of `output`.
  ///   - isFinal: the message ends with it. What is appended for a part that is not final can be inflated when it arrives.
  /// - Returns: false if there is no more memory, or `output` has reached its maximum. The message cannot go on then, nor
  ///   can any other: the connection has to end.
  package mutating func deflate(
    _ bytes: Bytes, isFinal: Bool = true, into output: inout GrowingMemory<UInt8>
  ) -> Bool {
    guard let stream = unsafe open() else { return false }
    if bytes.isEmpty {
      // zlib flushes nothing twice. The beginning of an empty block (section 7.2.3.6).
      if isFinal {
        guard output.makeRoom(1) else { return false }
        output.append(0)
      }
      return unsafe !isFinal || keepsWindow || deflateReset(stream) == Z_OK
    }
    var rest = bytes
    repeat {
      let count = min(rest.count, 1 << 30)
      unsafe stream.pointee.next_in = unsafe UnsafeMutablePointer(mutating: rest.base)
      unsafe stream.pointee.avail_in = UInt32(count)
      rest = rest.dropFirst(count)
      guard unsafe run(stream, flush: rest.isEmpty ? Z_SYNC_FLUSH : Z_NO_FLUSH, into: &output) else { return false }
    } while !rest.isEmpty
    unsafe stream.pointee.next_in = nil
    guard isFinal else { return true }
    // The empty block at the end, 00 00 FF FF, is left out (section 7.2.1).
    output.removeLast(4)
    return unsafe keepsWindow || deflateReset(stream) == Z_OK
  }

  private mutating func open() -> UnsafeMutablePointer<z_stream>? {
    if let stream = unsafe stream { return unsafe stream }
    let made = UnsafeMutablePointer<z_stream>.allocate(capacity: 1)
    unsafe made.initialize(to: z_stream())
    // Negative: without the header and the checksum of zlib's own format. As much memory for hashes as for the window.
    let status = unsafe outrider_deflateInit2(made, Int32(level), Int32(-windowBits), Int32(windowBits - 7))
    guard status == Z_OK else {
      unsafe made.deallocate()
      return nil
    }
    unsafe stream = made
    return unsafe made
  }

  /// Deflates all input of the stream.
  private func run(
    _ stream: UnsafeMutablePointer<z_stream>, flush: Int32, into output: inout GrowingMemory<UInt8>
  ) -> Bool {
    repeat {
      // Each flush needs more than six bytes of room, or it is repeated (zlib.h).
      if output.capacity - output.count < 8 {
        guard output.makeRoom(WebSocketDeflater.stretch) else { return false }
      }
      guard let place = unsafe output.end else { return false }
      let room = UInt32(clamping: output.capacity - output.count)
      unsafe stream.pointee.next_out = place
      unsafe stream.pointee.avail_out = room
      let status = unsafe CZlib.deflate(stream, flush)
      output.appendWritten(unsafe Int(room - stream.pointee.avail_out))
      guard status == Z_OK || status == Z_BUF_ERROR else { return false }
    } while unsafe stream.pointee.avail_out == 0
    unsafe stream.pointee.next_out = nil
    return true
  }
}
