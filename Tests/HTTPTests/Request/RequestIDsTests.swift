import HTTP
import Testing

@Suite struct RequestIDsTests {
  private func next(_ count: Int, startingAt number: UInt64) -> [String] {
    var ids = RequestIDs(startingAt: number)
    return unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: RequestIDs.length) { room in
      (0..<count).map { _ in unsafe ids.next(into: room.baseAddress!).escaped() }
    }
  }

  @Test func sixteenSmallHexadecimalDigits() {
    for id in next(1000, startingAt: 0x0123_4567_89AB_CDEF) {
      #expect(id.utf8.count == 16)
      #expect(id.utf8.allSatisfy { (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
      #expect(id.hasPrefix("01234567"))
    }
  }

  @Test func noneComesTwice() {
    // Past the end of the lower half, where the upper one moves on.
    let ids = next(200_000, startingAt: 0x0000_0000_FFFF_0000)
    #expect(Set(ids).count == ids.count)
    #expect(Set(ids.map { $0.prefix(8) }) == ["00000000", "00000001"])
  }

  @Test func thoseThatFollowOneAnotherLookDifferent() {
    for (one, other) in zip(next(999, startingAt: 41), next(1000, startingAt: 41).dropFirst()) {
      let same = zip(one.suffix(8), other.suffix(8)).count { $0 == $1 }
      #expect(same < 6, "\(one) \(other)")
    }
  }

  @Test func workersBeginAtDifferentPlaces() {
    var (one, other) = (RequestIDs(), RequestIDs())
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 2 * RequestIDs.length) { room in
      let base = room.baseAddress!
      let ids = unsafe (one.next(into: base).escaped(), other.next(into: base + RequestIDs.length).escaped())
      #expect(ids.0 != ids.1)
    }
  }
}
