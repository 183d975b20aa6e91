import Testing

@testable import Memory

struct PinnedTests {
  /// Counts those that have ended.
  private final class Ends { var count = 0 }

  private struct Item: ~Copyable {
    var number: Int
    let ends: Ends

    deinit { ends.count += 1 }
  }

  @Test func copiesOfAHandleAreOneRecord() {
    let ends = Ends()
    let handle = Pinned(Item(number: 1, ends: ends))
    let other = handle
    other.record.number += 1
    #expect(handle.record.number == 2 && handle == other)
    let again = unsafe Pinned<Item>(raw: handle.raw)
    #expect(again == handle && again.record.number == 2)
    #expect(ends.count == 0)
    handle.destroy()
    #expect(ends.count == 1)
  }

  /// A handle costs what an address costs, and its absence nothing more.
  @Test func aHandleIsAnAddress() {
    #expect(MemoryLayout<Pinned<Item>>.size == MemoryLayout<Int>.size)
    #expect(MemoryLayout<Pinned<Item>?>.size == MemoryLayout<Int>.size)
  }
}
