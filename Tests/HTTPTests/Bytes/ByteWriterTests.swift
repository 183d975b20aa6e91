import HTTP
import Testing

@Suite struct ByteWriterTests {
  @Test func appendsInOrder() {
    let text = written { writer in
      writer.append("GET ")
      withBytes("/\u{E9}") { writer.append($0) }
      writer.append(.empty)
      writer.append(UInt8(ascii: "!"))
      #expect(writer.count == 7)
    }
    #expect(text == "GET /\u{E9}!")
  }

  /// Few bytes are copied in moves that overlap, more by a call.
  @Test func copiesEveryLength() {
    for length in 0...140 {
      let text = String(decoding: (0..<length).map { UInt8(ascii: "0") + UInt8($0 % 70) }, as: UTF8.self)
      withBytes(text) { bytes in
        #expect(written(capacity: length) { $0.append(bytes) } == text)
        let field = Field(name: bytes, value: bytes)
        #expect(written(capacity: 2 * length + 4) { $0.append(line: field) } == "\(text): \(text)\r\n")
      }
    }
  }

  @Test(arguments: [0, 1, 9, 10, 11, 99, 100, 101, 999, 1000, 4096, 65_535, 1 << 32, UInt64(Int64.max), .max - 1, .max])
  func numbers(_ number: UInt64) {
    #expect(written { $0.append(decimal: number) } == String(number))
    #expect(written { $0.append(hexadecimal: number) } == String(number, radix: 16))
  }

  @Test func smallNumbers() {
    for number in 0..<UInt64(20_000) {
      let text = String(number)
      #expect(written { $0.append(decimal: number) } == text)
      // With and without room to spare.
      for spare in 0..<5 {
        #expect(written(capacity: text.utf8.count + spare) { $0.append(decimal: number) } == text)
      }
    }
  }

  @Test func writesAside() {
    #expect(
      written(capacity: 6) {
        $0.append("ab")
        $0.aside { $0.append("cd") }
        $0.append("ef")
      } == "abcdef")
  }

  @Test func numbersAroundEachPower() {
    for shift in 0..<64 {
      for number in [UInt64(1) << shift - 1, UInt64(1) << shift, UInt64(1) << shift + 1] {
        #expect(written { $0.append(hexadecimal: number) } == String(number, radix: 16))
        #expect(written { $0.append(decimal: number) } == String(number))
      }
    }
  }

  @Test func fillsItsCapacity() {
    #expect(written(capacity: 5) { $0.append("12345") } == "12345")
    #expect(written(capacity: 1) { $0.append(decimal: 7) } == "7")
    #expect(written(capacity: 0) { $0.append(.empty) } == "")
  }

  @Test func trapsBeyondItsCapacity() async {
    await #expect(processExitsWith: .failure) { _ = written(capacity: 4) { $0.append("12345") } }
    await #expect(processExitsWith: .failure) { _ = written(capacity: 0) { $0.append(UInt8(0)) } }
    await #expect(processExitsWith: .failure) { _ = written(capacity: 2) { $0.append(decimal: 100) } }
    await #expect(processExitsWith: .failure) {
      _ = written(capacity: 3) {
        $0.append("ab")
        $0.aside { $0.append("cd") }
      }
    }
  }
}
