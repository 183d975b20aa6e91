import HTTP
import Testing

@Suite struct TraceParentTests {
  private static let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
  private static let parent = "00f067aa0ba902b7"

  private func parsed(_ text: String) -> (trace: String, parent: String, version: UInt8, flags: UInt8)? {
    let bytes = Array(text.utf8)
    return unsafe bytes.withUnsafeBufferPointer { buffer in
      guard let found = TraceParent(unsafe Bytes(base: buffer.baseAddress, count: buffer.count)) else { return nil }
      return (found.traceID.escaped(), found.parentID.escaped(), found.version, found.flags)
    }
  }

  @Test func aValueHasFourParts() throws {
    let found = try #require(parsed("00-\(Self.trace)-\(Self.parent)-01"))
    #expect(found == (Self.trace, Self.parent, 0, 1))
  }

  @Test func laterVersionsMayHaveMore() throws {
    #expect(try #require(parsed("42-\(Self.trace)-\(Self.parent)-ff-more")).version == 0x42)
    #expect(parsed("42-\(Self.trace)-\(Self.parent)-ff.more") == nil)
    #expect(parsed("00-\(Self.trace)-\(Self.parent)-01-more") == nil)
  }

  @Test func everyOtherByteIsRefused() {
    let valid = Array("00-\(Self.trace)-\(Self.parent)-01".utf8)
    for index in valid.indices {
      for byte in [UInt8(ascii: "g"), UInt8(ascii: "A"), UInt8(ascii: "/"), UInt8(ascii: ":"), 0] {
        var changed = valid
        changed[index] = byte
        #expect(parsed(String(decoding: changed, as: UTF8.self)) == nil, "\(index)")
      }
    }
    for count in valid.indices { #expect(parsed(String(decoding: valid.prefix(count), as: UTF8.self)) == nil) }
  }
}
