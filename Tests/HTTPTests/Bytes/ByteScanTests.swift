import HTTP
import Testing

/// The scans find what a loop over the bytes finds, wherever they begin and end and whatever stands beyond.
@Suite struct ByteScanTests {
  private enum Scan: CaseIterable {
    case control, invisible, endOfPath, endOfQuery, unusualInName, unusualInHost, carriageReturn

    func stops(at byte: UInt8) -> Bool {
      switch self {
      case .control: byte < 0x20 || byte == 0x7F
      case .invisible: byte < 0x21 || byte > 0x7E
      case .endOfPath: byte < 0x21 || byte > 0x7E || byte == 0x3F || byte == 0x23
      case .endOfQuery: byte < 0x21 || byte > 0x7E || byte == 0x23
      case .unusualInName: !(ASCII.isLetter(byte) || byte == 0x2D)
      case .unusualInHost: !(ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == 0x2D || byte == 0x2E)
      case .carriageReturn: byte == 0x0D
      }
    }

    func callAsFunction(_ bytes: [UInt8], _ start: Int, _ end: Int) -> Int? {
      unsafe bytes.withUnsafeBufferPointer { buffer in
        guard let base = buffer.baseAddress else { return nil }
        let (first, last) = unsafe (base + start, base + end)
        let found =
          switch self {
          case .control: unsafe ByteScan.control(first, last)
          case .invisible: unsafe ByteScan.invisible(first, last)
          case .endOfPath: unsafe ByteScan.endOfPath(first, last)
          case .endOfQuery: unsafe ByteScan.endOfQuery(first, last)
          case .unusualInName: unsafe ByteScan.unusualInName(first, last)
          case .unusualInHost: unsafe ByteScan.unusualInHost(first, last)
          case .carriageReturn: unsafe ByteScan.byte(0x0D, first, last)
          }
        return unsafe found.map { unsafe $0 - base }
      }
    }
  }

  private func expectAgreement(_ bytes: [UInt8], _ start: Int, _ end: Int) {
    for scan in Scan.allCases {
      let expected = bytes[start..<end].firstIndex(where: scan.stops(at:))
      #expect(scan(bytes, start, end) == expected, "\(scan) in \(bytes[start..<end])")
    }
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
        var bytes = [UInt8](repeating: 0x7A, count: 33)
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
