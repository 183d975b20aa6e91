import Glibc
import Synchronization

/// How often a log was truncated within a line, and up to which truncation such a line has been ended since. Shared by
/// all processes that write to the log. A process uses it to begin its lines on a new line; wrong numbers cause no
/// other harm.
@safe
package struct LogTruncations: Sendable {
  // Atomic words, mapped for the life of the process.
  nonisolated(unsafe) private let words: UnsafeMutablePointer<Atomic<UInt64>>

  private static let truncations = 0
  private static let ended = 1

  /// Shared by this process and those that it forks later.
  package init() throws(Errno) {
    let size = 2 * MemoryLayout<Atomic<UInt64>>.stride
    let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { throw .last("mmap") }
    unsafe words = memory.assumingMemoryBound(to: Atomic<UInt64>.self)
  }

  package var count: UInt64 { unsafe words[LogTruncations.truncations].load(ordering: .acquiring) }

  /// Counts a truncation: the log ends within a line.
  package func add() { unsafe _ = words[LogTruncations.truncations].wrappingAdd(1, ordering: .acquiringAndReleasing) }

  /// Whether one of the first `count` truncations may be the end of the log.
  package func areOpen(_ count: UInt64) -> Bool {
    unsafe count > words[LogTruncations.ended].load(ordering: .acquiring)
  }

  /// A line end was written after the first `count` truncations.
  package func end(_ count: UInt64) {
    unsafe _ = words[LogTruncations.ended].max(count, ordering: .acquiringAndReleasing)
  }
}
