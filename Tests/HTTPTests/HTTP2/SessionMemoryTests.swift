import CNghttp2
import Glibc
import Memory
import Testing

@testable import HTTP

/// The memory of HTTP/2 sessions, by the functions that nghttp2 calls.
struct SessionMemoryTests {
  private let memory = SessionMemory()

  private func take(_ size: Int) -> UnsafeMutableRawPointer {
    let functions = unsafe memory.functions
    return unsafe functions.malloc(size, functions.mem_user_data).unsafelyUnwrapped
  }

  private func give(_ block: UnsafeMutableRawPointer?) {
    let functions = unsafe memory.functions
    unsafe functions.free(block, functions.mem_user_data)
  }

  @Test(arguments: [0, 1, 15, 63, 64, 65, 1023, 1024, 1025, 8191, 8192, 16_410, 20_463, 20_464, 20_465, 100_000])
  func blocksDoNotOverlap(size: Int) {
    var blocks: [UnsafeMutableRawPointer] = unsafe []
    for round in 0..<3 {
      for index in 0..<20 {
        let block = unsafe take(size)
        #expect(UInt(bitPattern: block) % 16 == 0)
        unsafe block.initializeMemory(as: UInt8.self, repeating: UInt8(round * 20 + index), count: size)
        unsafe blocks.append(block)
      }
      for index in 0..<20 {
        let block = unsafe blocks[index]
        let bytes = unsafe UnsafeRawBufferPointer(start: block, count: size)
        let isWhole = unsafe bytes.allSatisfy { $0 == UInt8(round * 20 + index) }
        #expect(isWhole)
        unsafe give(block)
      }
      unsafe blocks.removeAll()
    }
  }

  @Test func aBlockIsUsedAgain() {
    let first = unsafe take(200)
    unsafe give(first)
    let second = unsafe take(250)  // of the same capacity, 256
    let isSame = unsafe first == second
    #expect(HostileMemory.isOn || isSame)
    unsafe give(second)
  }

  /// What an idle session costs depends on it.
  @Test func theRoomForFramesCostsThePagesThatWereWrittenTo() {
    guard !HostileMemory.isOn && PageBlocks.pageBytes == 4096 else { return }
    // Memory that was written to before, as that of a TLS handshake was.
    let before = unsafe (0..<100).map { _ in unsafe take(17_000) }
    for index in unsafe before.indices {
      unsafe before[index].initializeMemory(as: UInt8.self, repeating: 1, count: 17_000)
    }
    for index in unsafe before.indices { unsafe give(before[index]) }
    memory.trim()
    for _ in 0..<100 {
      let block = unsafe take(16_410)
      unsafe block.initializeMemory(as: UInt8.self, repeating: 1, count: 300)
      let page = unsafe UnsafeMutableRawPointer(bitPattern: UInt(bitPattern: block) & ~4095)
      var pages = [UInt8](repeating: 0, count: 5)
      let result = unsafe mincore(page, 5 * 4096, &pages)
      #expect(result == 0 && pages.map { $0 & 1 } == [1, 0, 0, 0, 0])
    }
  }

  @Test func zeroed() {
    let used = unsafe take(120)
    unsafe used.initializeMemory(as: UInt8.self, repeating: 0xFF, count: 120)
    unsafe give(used)
    let functions = unsafe memory.functions
    let block = unsafe functions.calloc(15, 8, functions.mem_user_data)
    let isZeroed = unsafe UnsafeRawBufferPointer(start: block, count: 120).allSatisfy { $0 == 0 }
    #expect(isZeroed)
    unsafe give(block)
    let isRefused = unsafe functions.calloc(.max, 2, functions.mem_user_data) == nil
    #expect(isRefused)
  }

  @Test(arguments: [
    (10, 1000), (1000, 10), (1000, 5000), (5000, 1000), (5000, 9000), (9000, 5000), (16_410, 30_000), (64, 64),
  ])
  func resizingKeepsTheBytes(from size: Int, to other: Int) {
    let functions = unsafe memory.functions
    let block = unsafe functions.realloc(nil, size, functions.mem_user_data).unsafelyUnwrapped
    unsafe block.initializeMemory(as: UInt8.self, repeating: 7, count: size)
    let moved = unsafe functions.realloc(block, other, functions.mem_user_data)
    let isKept = unsafe UnsafeRawBufferPointer(start: moved, count: min(size, other)).allSatisfy { $0 == 7 }
    #expect(isKept)
    unsafe give(moved)
    unsafe give(nil)
  }
}
