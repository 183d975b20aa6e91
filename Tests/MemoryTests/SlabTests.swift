import Testing

@testable import Memory

/// Records in one block: which place is taken, and what is left of a record that was given back.
struct SlabTests {
  private struct Item: ~Copyable {
    let slot: Int32
    var uses = 0
  }

  @Test func placesAreMadeInOrderAndNoMoreThanThereAre() {
    var slab = Slab<Item>(capacity: 3)
    for slot in 0..<3 {
      #expect(slab.find(slot) == nil && slab.made == slot)
      #expect(slab.take { Item(slot: $0) }?.record.slot == Int32(slot))
    }
    let isRefused = slab.take { Item(slot: $0) } == nil
    #expect(isRefused && slab.made == 3)
  }

  @Test func theLastThatWasGivenBackIsUsedFirstAsItWasLeft() {
    var slab = Slab<Item>(capacity: 3)
    for _ in 0..<3 { slab.take { Item(slot: $0) }?.record.uses = 1 }
    slab.give(0)
    slab.give(2)
    let first = slab.take { Item(slot: $0) }
    let second = slab.take { Item(slot: $0) }
    #expect(first?.record.slot == 2 && first?.record.uses == 1)
    #expect(second?.record.slot == 0)
  }

  @Test func aRecordIsUsedAgainBeforeAnotherIsMade() {
    var slab = Slab<Item>(capacity: 3)
    _ = slab.take { Item(slot: $0) }
    slab.give(0)
    let again = slab.take { Item(slot: $0) }
    // In hostile memory another is made as long as there is place.
    #expect(again?.record.slot == (HostileMemory.isOn ? 1 : 0))
  }

  @Test func recordsStayWhereTheyAreAndAreFoundByNumber() throws {
    var slab = Slab<Item>(capacity: 100)
    let first = try #require(slab.take { Item(slot: $0) })
    for _ in 1..<100 { _ = slab.take { Item(slot: $0) } }
    first.record.uses = 7
    #expect(slab[0].record.uses == 7)
    let isSame = slab.find(0).map { $0 == first } ?? false
    #expect(isSame)
    slab.give(0)
    // A stale number leads to a reused record, and not to freed memory.
    #expect(slab.find(0)?.record.uses == 7)
  }

  @Test(arguments: [-1, 2, 1000, Int.max, Int.min]) func aNumberWithoutRecordFindsNone(number: Int) {
    var slab = Slab<Item>(capacity: 8)
    for _ in 0..<2 { _ = slab.take { Item(slot: $0) } }
    let found = slab.find(number) != nil
    #expect(!found)
  }

  @Test func withoutPlacesNothingIsTaken() {
    var slab = Slab<Item>(capacity: 0)
    let isRefused = slab.take { Item(slot: $0) } == nil
    #expect(isRefused)
  }
}
