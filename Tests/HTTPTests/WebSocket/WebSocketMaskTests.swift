import HTTP
import Testing

@Suite struct WebSocketMaskTests {
  /// Byte by byte (RFC 6455 section 5.3).
  private func plainly(_ bytes: ArraySlice<UInt8>, _ key: [UInt8], from offset: Int) -> [UInt8] {
    bytes.enumerated().map { $1 ^ key[(offset + $0) % 4] }
  }

  private func mask(_ key: [UInt8]) -> WebSocketMask { withBytes(key) { WebSocketMask($0) } }

  /// Every length from every place to every place, with the key at every position.
  @Test func isTheSameAsByteByByte() {
    var random = SplitMix(1)
    let bytes = (0..<600).map { _ in UInt8.random(in: 0...255, using: &random) }
    let key: [UInt8] = [0x12, 0xFE, 0x80, 0x07]
    let lengths = Array(0...140) + [191, 192, 193, 255, 256, 257, 511, 512, 513]
    for length in lengths {
      for (from, to, offset) in [(0, 0, 0), (1, 0, 1), (0, 3, 2), (7, 5, 3), (15, 9, 4), (8, 8, 1_000_003)] {
        let source = bytes[from..<from + length]
        var result = [UInt8](repeating: 0xEE, count: to + length + 16)
        unsafe bytes.withUnsafeBufferPointer { bytes in
          unsafe result.withUnsafeMutableBufferPointer { result in
            guard let source = bytes.baseAddress, let place = result.baseAddress else { return }
            unsafe mask(key).after(offset).apply(source + from, length, to: place + to)
          }
        }
        let untouched = [UInt8](repeating: 0xEE, count: 16)
        #expect(
          result == untouched.prefix(to) + plainly(source, key, from: offset) + untouched,
          "\(length) bytes from \(from) to \(to), offset \(offset)")
      }
    }
  }

  @Test func continuesWhereItStopped() {
    var random = SplitMix(2)
    for _ in 0..<200 {
      let bytes = (0..<Int.random(in: 0..<300, using: &random)).map { _ in UInt8.random(in: 0...255, using: &random) }
      let key = (0..<4).map { _ in UInt8.random(in: 0...255, using: &random) }
      let message = WebSocketReading().events(
        ClientFrame.frame(0x82, bytes, key: key), pieces: Int.random(in: 1...70, using: &random))
      #expect(message == [.binary(bytes)])
    }
  }
}
