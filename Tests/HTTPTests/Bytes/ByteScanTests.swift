import HTTP
import Testing

/// The scans find what a loop over the bytes finds, wherever they begin and end and whatever stands beyond.
@Suite struct ByteScanTests {
  private func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7F }
  private func isInvisible(_ byte: UInt8) -> Bool { byte < 0x21 || byte > 0x7E }

  private func expectAgreement(_ bytes: [UInt8], _ start: Int, _ end: Int) {
    let control = bytes[start..<end].firstIndex(where: isControl) ?? end
    let invisible = bytes[start..<end].firstIndex(where: isInvisible) ?? end
    let found = unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return (control: start, invisible: start) }
      return unsafe (
        control: ByteScan.firstControl(base, from: start, to: end),
        invisible: ByteScan.firstInvisible(base, from: start, to: end)
      )
    }
    #expect(found.control == control, "\(bytes[start..<end])")
    #expect(found.invisible == invisible, "\(bytes[start..<end])")
  }

  /// Lengths below, at and above one and two steps, from every offset; what would stop a scan stands all around.
  @Test(arguments: 0..<17)
  func everyOffsetAndLength(offset: Int) {
    for length in 0...50 {
      let clean = [UInt8](repeating: 0x61, count: length)
      let around = [UInt8](repeating: 0x0D, count: offset)
      let bytes = around + clean + [UInt8](repeating: 0x0D, count: 40)
      expectAgreement(bytes, offset, offset + length)
      for stop in 0..<length {
        var stopped = bytes
        stopped[offset + stop] = 0x00
        expectAgreement(stopped, offset, offset + length)
        // The first of several counts.
        stopped[offset + length - 1] = 0x7F
        expectAgreement(stopped, offset, offset + length)
      }
    }
  }

  /// Every byte in every lane.
  @Test func everyByte() {
    for byte in UInt8.min...UInt8.max {
      for place in 0..<33 {
        var bytes = [UInt8](repeating: 0x7E, count: 33)
        bytes[place] = byte
        expectAgreement(bytes, 0, bytes.count)
      }
    }
  }

  @Test func randomBytes() {
    var random = SplitMix(1)
    for _ in 0..<2000 {
      let bytes = (0..<Int.random(in: 1...80, using: &random)).map { _ in UInt8.random(in: 0x1C...0x83, using: &random)
      }
      let start = Int.random(in: 0...bytes.count, using: &random)
      expectAgreement(bytes, start, Int.random(in: start...bytes.count, using: &random))
    }
  }
}
