import HTTP
import Memory

/// Buffers of one thread, reused: in steady state no request allocates.
///
/// Three sizes: bare headers for segments that hold no bytes of their own, small ones for heads and answers, large ones
/// for bodies. Other sizes come from the allocator and go back to it.
@safe
struct BufferPool: ~Copyable {
  static var smallCapacity: Int { 16_384 - MemoryLayout<BufferHeader>.size }
  static var largeCapacity: Int { 65_536 - MemoryLayout<BufferHeader>.size }
  /// The maximum number of free buffers of each size.
  private static let keep = 64
  private static let keepLarge = 16

  private var bare = FreeList()
  private var small = FreeList()
  private var large = FreeList()

  private struct FreeList {
    var first: Buffer?
    var count = 0

    mutating func pop() -> Buffer? {
      guard let buffer = first else { return nil }
      first = buffer.record.next
      count -= 1
      return buffer
    }

    mutating func push(_ buffer: Buffer) {
      buffer.record.next = first
      first = buffer
      count += 1
    }
  }

  /// A buffer of at least `capacity` bytes, empty.
  @inline(__always)
  mutating func take(_ capacity: Int) -> Buffer {
    guard capacity > 0 && capacity <= BufferPool.smallCapacity && !HostileMemory.isOn, let buffer = small.pop() else {
      return takeOther(capacity)
    }
    buffer.empty()
    return buffer
  }

  /// Likewise, of another size, or where none is kept.
  @inline(never)
  private mutating func takeOther(_ capacity: Int) -> Buffer {
    let size: Int
    let kept: Buffer?
    if HostileMemory.isOn {
      (size, kept) = (capacity, nil)
    } else if capacity == 0 {
      (size, kept) = (0, bare.pop())
    } else if capacity <= BufferPool.smallCapacity {
      (size, kept) = (BufferPool.smallCapacity, small.pop())
    } else if capacity <= BufferPool.largeCapacity {
      (size, kept) = (BufferPool.largeCapacity, large.pop())
    } else {
      (size, kept) = (capacity, nil)
    }
    guard let buffer = kept else { return Buffer.allocate(capacity: size) }
    buffer.empty()
    return buffer
  }

  @inline(__always)
  mutating func give(_ buffer: Buffer) {
    buffer.record.content = .bytes
    buffer.record.owner = 0
    buffer.record.tag = 0
    unsafe buffer.record.release = nil
    if buffer.record.capacity == BufferPool.smallCapacity && small.count < BufferPool.keep && !HostileMemory.isOn {
      small.push(buffer)
    } else {
      giveOther(buffer)
    }
  }

  /// Likewise, of another size, or where enough are kept.
  @inline(never)
  private mutating func giveOther(_ buffer: Buffer) {
    switch buffer.record.capacity {
    case _ where HostileMemory.isOn: buffer.deallocate()
    case 0 where bare.count < BufferPool.keep: bare.push(buffer)
    case BufferPool.largeCapacity where large.count < BufferPool.keepLarge: large.push(buffer)
    default: buffer.deallocate()
    }
  }

  deinit {
    var lists = (bare, small, large)
    while let buffer = lists.0.pop() { buffer.deallocate() }
    while let buffer = lists.1.pop() { buffer.deallocate() }
    while let buffer = lists.2.pop() { buffer.deallocate() }
  }
}
