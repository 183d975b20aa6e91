import Glibc
import Testing

@testable import Memory

/// Blocks with pages of their own: the kernel says which of them it holds.
struct PageBlocksTests {
  /// How many pages of a block are in memory.
  private func residentPages(_ block: UnsafeMutableRawPointer, _ bytes: Int) -> Int {
    var pages = [UInt8](repeating: 0, count: bytes / PageBlocks.pageBytes)
    let result = unsafe mincore(block, bytes, &pages)
    precondition(result == 0)
    return pages.count { $0 & 1 == 1 }
  }

  @Test func aBlockCostsThePagesThatWereWrittenTo() throws {
    var blocks = PageBlocks(holding: 4 * PageBlocks.pageBytes + 1)
    #expect(blocks.blockBytes == 5 * PageBlocks.pageBytes)
    let taken = unsafe try (0..<100).map { _ in unsafe try #require(blocks.take()) }
    for index in unsafe taken.indices {
      let block = unsafe taken[index]
      unsafe block.storeBytes(of: 1, as: UInt8.self)
      let resident = unsafe residentPages(block, blocks.blockBytes)
      #expect(resident == 1)
    }
    unsafe taken[0].initializeMemory(as: UInt8.self, repeating: 7, count: blocks.blockBytes)
    let whole = unsafe residentPages(taken[0], blocks.blockBytes)
    let other = unsafe residentPages(taken[1], blocks.blockBytes)
    #expect(whole == 5 && other == 1)
  }

  @Test func aFreeBlockIsTakenFirstAndGivenBackWhenTrimmed() throws {
    var blocks = PageBlocks(holding: 1)
    let first = unsafe try #require(blocks.take())
    unsafe first.storeBytes(of: 5, as: UInt8.self)
    unsafe blocks.give(first)
    let again = unsafe try #require(blocks.take())
    let isSame = unsafe first == again && again.load(as: UInt8.self) == 5
    #expect(isSame)
    unsafe blocks.give(again)
    blocks.trim()
    let resident = unsafe residentPages(again, blocks.blockBytes)
    #expect(resident == 0)
    let clean = unsafe try #require(blocks.take())
    let value = unsafe clean.load(as: UInt8.self)
    #expect(value == 0)
  }

  @Test func blocksDoNotOverlap() throws {
    var blocks = PageBlocks(holding: 10_000)
    let taken = try (0..<200).map { _ in
      let block = unsafe try #require(blocks.take())
      return UInt(bitPattern: block)
    }
    let ordered = taken.sorted()
    for (one, next) in zip(ordered, ordered.dropFirst()) { #expect(next - one >= UInt(blocks.blockBytes)) }
    #expect(ordered.allSatisfy { $0 % UInt(PageBlocks.pageBytes) == 0 })
  }
}
