import CNghttp2
import Memory

/// The allocator for nghttp2. A stream needs ten small blocks; blocks of a closed stream are kept for the next. A
/// session needs one block of 16 KiB for frames. It is used only up to the longest header frame, a few hundred bytes,
/// so it gets pages of its own, of which unused ones cost no memory.
///
/// Shared by the sessions of one thread; each keeps it alive. With `HostileMemory` no block is kept, so that use after
/// free is detected.
@safe
package final class SessionMemory {
  private let lists = Pinned(BlockLists())

  package init() {}

  deinit {
    lists.record.freeAll()
    lists.destroy()
  }

  /// Frees all kept blocks.
  package func trim() { lists.record.freeAll() }

  /// The functions for a session, which must not outlive this object.
  var functions: nghttp2_mem {
    unsafe nghttp2_mem(
      mem_user_data: lists.raw,
      malloc: { unsafe BlockLists.of($1).record.take($0) },
      free: { unsafe BlockLists.of($1).record.give($0) },
      calloc: { count, size, context in
        let (total, overflows) = count.multipliedReportingOverflow(by: size)
        if overflows { return nil }
        let block = unsafe BlockLists.of(context).record.take(total)
        unsafe block.initializeMemory(as: UInt8.self, repeating: 0, count: total)
        return unsafe block
      },
      realloc: { unsafe BlockLists.of($2).record.resize($0, $1) })
  }
}

/// Free blocks in lists by size; the last freed is the first reused.
@safe
private struct BlockLists: ~Copyable {
  /// Capacities are multiples of this.
  private static let step = 64
  /// Larger blocks are not kept.
  private static let largest = 1024
  /// The maximum number of bytes that are kept, enough for about forty streams. Each kept block may prevent the release
  /// of a page.
  private static let mostKept = 64 << 10
  /// The minimum size of a block with pages of its own. The maximum is the size of a block for frames.
  private static let leastInPages = 8192
  /// The size of nghttp2's frame buffer: 16 KiB and a few bytes.
  private static let frameBytes = (16 << 10) + 64
  /// The capacity of each block is stored before it, in so many bytes to keep the alignment.
  private static let headBytes = 16

  /// By capacity in steps.
  private var first = unsafe InlineArray<17, UnsafeMutableRawPointer?>(repeating: nil)
  private var kept = 0
  private var pages = PageBlocks(holding: headBytes + frameBytes)

  static func of(_ context: UnsafeMutableRawPointer?) -> Pinned<BlockLists> {
    unsafe Pinned(raw: context.unsafelyUnwrapped)
  }

  private static func capacity(of block: UnsafeMutableRawPointer) -> Int {
    unsafe (block - headBytes).load(as: Int.self)
  }

  mutating func take(_ size: Int) -> UnsafeMutableRawPointer {
    guard size <= BlockLists.largest, !HostileMemory.isOn else { return unsafe takeLarge(size) }
    let place = max(1, (size &+ BlockLists.step &- 1) / BlockLists.step)
    guard let block = unsafe first[place] else { return unsafe BlockLists.allocate(place &* BlockLists.step) }
    unsafe first[place] = block.load(as: UnsafeMutableRawPointer?.self)
    kept &-= place &* BlockLists.step
    return unsafe block
  }

  @inline(never)
  private mutating func takeLarge(_ size: Int) -> UnsafeMutableRawPointer {
    // An even number; the capacity of a block in pages is odd.
    guard size >= BlockLists.leastInPages && size <= capacityInPages && hasSmallPages, let memory = unsafe pages.take()
    else { return unsafe BlockLists.allocate(size + size % 2) }
    unsafe memory.storeBytes(of: capacityInPages, as: Int.self)
    return unsafe memory + BlockLists.headBytes
  }

  /// The capacity that marks blocks in pages.
  private var capacityInPages: Int { pages.blockBytes - BlockLists.headBytes - 1 }

  /// With larger pages, a page would cost as much as the block.
  private var hasSmallPages: Bool { PageBlocks.pageBytes < BlockLists.leastInPages && !HostileMemory.isOn }

  /// The same as free().
  mutating func give(_ block: UnsafeMutableRawPointer?) {
    guard let block = unsafe block else { return }
    let capacity = unsafe BlockLists.capacity(of: block)
    if capacity == capacityInPages { return unsafe pages.give(block - BlockLists.headBytes) }
    guard capacity <= BlockLists.largest, kept &+ capacity <= BlockLists.mostKept, !HostileMemory.isOn else {
      return unsafe BlockLists.free(block, capacity)
    }
    let place = capacity / BlockLists.step
    unsafe block.storeBytes(of: first[place], as: UnsafeMutableRawPointer?.self)
    unsafe first[place] = block
    kept &+= capacity
  }

  /// The same as realloc().
  mutating func resize(_ block: UnsafeMutableRawPointer?, _ size: Int) -> UnsafeMutableRawPointer {
    let moved = unsafe take(size)
    if let block = unsafe block {
      unsafe moved.copyMemory(from: block, byteCount: min(size, BlockLists.capacity(of: block)))
      unsafe give(block)
    }
    return unsafe moved
  }

  mutating func freeAll() {
    for place in unsafe first.indices {
      while let block = unsafe first[place] {
        unsafe first[place] = block.load(as: UnsafeMutableRawPointer?.self)
        unsafe BlockLists.free(block, place * BlockLists.step)
      }
    }
    kept = 0
    pages.trim()
  }

  @inline(never)
  private static func allocate(_ capacity: Int) -> UnsafeMutableRawPointer {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: headBytes + capacity, alignment: headBytes)
    unsafe memory.storeBytes(of: capacity, as: Int.self)
    return unsafe memory + headBytes
  }

  @inline(never)
  private static func free(_ block: UnsafeMutableRawPointer, _ capacity: Int) {
    unsafe HostileMemory.free(block - headBytes, count: headBytes + capacity)
  }
}
