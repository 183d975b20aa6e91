import Glibc

/// Blocks of one size for one owner, each with pages of its own.
///
/// The principle: a block that is written only at its beginning costs one page. A block from the allocator shares pages
/// with other blocks, or reuses memory that has been written before, and costs its whole size.
@safe
package struct PageBlocks: ~Copyable {
  /// The system's page size.
  package static let pageBytes = Int(getpagesize())
  /// The number of blocks that are mapped at once.
  private static let atOnce = 64

  /// A multiple of the page size.
  package let blockBytes: Int
  private var runs: [UnsafeMutableRawPointer] = unsafe []
  /// Free blocks that have been written to, and free blocks that have not, or whose pages have been released.
  private var written: [UnsafeMutableRawPointer] = unsafe []
  private var clean: [UnsafeMutableRawPointer] = unsafe []

  /// - Parameter bytes: the minimum size of each block.
  package init(holding bytes: Int) {
    blockBytes = (bytes + PageBlocks.pageBytes - 1) / PageBlocks.pageBytes * PageBlocks.pageBytes
  }

  deinit {
    for index in unsafe runs.indices { unsafe munmap(runs[index], blockBytes * PageBlocks.atOnce) }
  }

  /// A block with arbitrary content; nil if the system has no memory.
  package mutating func take() -> UnsafeMutableRawPointer? {
    if let block = unsafe written.popLast() { return unsafe block }
    if unsafe clean.isEmpty { map() }
    return unsafe clean.popLast()
  }

  /// Frees a block.
  package mutating func give(_ block: UnsafeMutableRawPointer) { unsafe written.append(block) }

  /// Releases the pages of free blocks.
  package mutating func trim() {
    while let block = unsafe written.popLast() {
      unsafe madvise(block, blockBytes, MADV_DONTNEED)
      unsafe clean.append(block)
    }
  }

  private mutating func map() {
    let bytes = blockBytes * PageBlocks.atOnce
    guard
      let run = unsafe mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0),
      unsafe run != MAP_FAILED
    else { return }
    // A huge page would include parts of blocks that have not been written to.
    unsafe madvise(run, bytes, MADV_NOHUGEPAGE)
    unsafe runs.append(run)
    // The first block is taken first.
    for index in (0..<PageBlocks.atOnce).reversed() { unsafe clean.append(run + index * blockBytes) }
  }
}
