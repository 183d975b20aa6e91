import Glibc
import Synchronization

/// How often a log was left within a line, and how often that line has been ended since, as all processes know that write
/// to it. What a process makes of that is a line that begins on its own; nothing worse comes of wrong numbers.
@safe
package struct LogCuts: Sendable {
  // Atomic words, mapped for the life of the process.
  nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>

  private static let cuts = 0
  private static let ended = 1

  /// Shared by this process and those that are forked after it.
  package init() throws(Errno) {
    let size = 2 * MemoryLayout<Atomic<UInt64>>.stride
    let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { throw .last("mmap") }
    unsafe words = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  package var count: UInt64 { unsafe words[LogCuts.cuts].load(ordering: .acquiring) }

  /// The log ends within a line.
  package func add() { unsafe _ = words[LogCuts.cuts].wrappingAdd(1, ordering: .acquiringAndReleasing) }

  /// Whether some of the first `count` cuts may be the end of the log.
  package func areOpen(_ count: UInt64) -> Bool { unsafe count > words[LogCuts.ended].load(ordering: .acquiring) }

  /// An end of line was written after the first `count` cuts.
  package func end(_ count: UInt64) { unsafe _ = words[LogCuts.ended].max(count, ordering: .acquiringAndReleasing) }
}
