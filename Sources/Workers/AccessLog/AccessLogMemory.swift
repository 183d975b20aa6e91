import Glibc
import Platform
import Synchronization

/// The memory in which workers gather lines of the access log. The master shares it with each worker, so that lines
/// survive a worker's crash.
@safe
package struct AccessLogMemory: Sendable {
  // Mapped for the life of the process.
  nonisolated(unsafe) private let base: UnsafeMutableRawPointer
  private let slots: Int

  /// - Parameter slots: the maximum number of workers at once. Pages that no worker uses cost no memory.
  package init(slots: Int) throws(Errno) {
    let flags = MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE
    let memory = unsafe mmap(nil, slots * AccessLogRegion.stride, PROT_READ | PROT_WRITE, flags, -1, 0)
    guard let memory = unsafe memory, unsafe memory != MAP_FAILED else { throw .last("mmap access log") }
    unsafe base = unsafe memory
    self.slots = slots
  }

  package func region(_ slot: Int) -> AccessLogRegion {
    precondition(slot >= 0 && slot < slots)
    return unsafe AccessLogRegion(base + slot * AccessLogRegion.stride)
  }

  /// For a worker: unmaps the regions of other workers, so that a stray write of a plugin can't damage them.
  package func leaveOnly(_ slot: Int) {
    let (before, after) = (slot * AccessLogRegion.stride, (slots - slot - 1) * AccessLogRegion.stride)
    if before > 0 { unsafe munmap(base, before) }
    if after > 0 { unsafe munmap(base + before + AccessLogRegion.stride, after) }
  }
}

/// One worker's region: a byte count, an end of line, and that many bytes of whole lines.
@safe
package struct AccessLogRegion: @unchecked Sendable {
  // Written by the worker and by any process that its plugins fork; read by the master after the worker's end, which
  // validates everything.
  private let base: UnsafeMutableRawPointer

  static let capacity = 64 << 10
  private static let head = 64
  static let stride = (head + 1 + capacity + 4095) / 4096 * 4096

  fileprivate init(_ base: UnsafeMutableRawPointer) { unsafe self.base = unsafe base }

  /// The end of line that the lines stand behind.
  var memory: UnsafeMutablePointer<UInt8> {
    unsafe (base + AccessLogRegion.head).assumingMemoryBound(to: UInt8.self)
  }

  var count: Int {
    get {
      min(
        Int(truncatingIfNeeded: unsafe word.pointee.load(ordering: .acquiring) & 0xFFFF_FFFF), AccessLogRegion.capacity)
    }
    nonmutating set { unsafe word.pointee.store(UInt64(newValue), ordering: .releasing) }
  }

  private var word: UnsafeMutablePointer<Atomic<UInt64>> { unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self) }
}
