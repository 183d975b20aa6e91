import Memory

/// Memory for elements that grows up to a bound and moves when it grows: addresses into it must not be kept.
@safe
@usableFromInline
package struct GrowingMemory<Element: BitwiseCopyable>: ~Copyable {
  @usableFromInline var base: UnsafeMutablePointer<Element>?
  @usableFromInline package internal(set) var capacity = 0
  @usableFromInline package internal(set) var count = 0
  private let most: Int
  private let first: Int

  /// - Parameters:
  ///   - first: the capacity when the first element is appended.
  ///   - most: the maximum number of elements.
  package init(first: Int, most: Int) {
    self.first = first
    self.most = most
    unsafe base = nil
  }

  deinit { unsafe GrowingMemory.free(base, capacity) }

  /// Makes room for `more` elements; false if they exceed the maximum. May move all elements.
  package mutating func makeRoom(_ more: Int) -> Bool {
    if more <= capacity - count && !HostileMemory.isOn { return true }
    guard more <= most - count else { return false }
    grow(to: count + more)
    return true
  }

  @inline(never)
  private mutating func grow(to needed: Int) {
    let usual = min(most, max(first, needed * 2))
    let larger = max(1, HostileMemory.next(usual, needed: needed))
    let memory = UnsafeMutablePointer<Element>.allocate(capacity: larger)
    if let old = unsafe base { unsafe memory.update(from: old, count: count) }
    unsafe GrowingMemory.free(base, capacity)
    unsafe base = memory
    capacity = larger
  }

  /// Appends an element, for which there is room.
  package mutating func append(_ element: Element) {
    precondition(count < capacity)
    // A nonzero capacity means that there is memory.
    unsafe (base.unsafelyUnwrapped + count).initialize(to: element)
    count &+= 1
  }

  /// Takes `more` elements as appended, for which there is room and which were written at the end of the others.
  mutating func appendWritten(_ more: Int) {
    precondition(more >= 0 && more <= capacity - count)
    count &+= more
  }

  /// Removes the last `number` elements; the memory stays.
  mutating func removeLast(_ number: Int) {
    precondition(number >= 0 && number <= count)
    count &-= number
  }

  package subscript(_ index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return unsafe base.unsafelyUnwrapped[index]  // checked on the line above
    }
    set {
      precondition(index >= 0 && index < count)
      unsafe base.unsafelyUnwrapped[index] = newValue  // checked on the line above
    }
  }

  /// The address of the elements, valid until more are appended or the memory is emptied; nil before the first element.
  @inlinable
  package var address: UnsafePointer<Element>? { unsafe UnsafePointer(base) }

  /// Where the next element is written, with room for `capacity - count` of them; nil before the first `makeRoom`.
  var end: UnsafeMutablePointer<Element>? { unsafe base.map { unsafe $0 + count } }

  /// Removes all elements, and frees memory beyond `kept` elements.
  package mutating func empty(keeping kept: Int) {
    count = 0
    guard capacity > kept || HostileMemory.isOn else { return }
    unsafe GrowingMemory.free(base, capacity)
    unsafe base = nil
    capacity = 0
  }

  private static func free(_ memory: UnsafeMutablePointer<Element>?, _ capacity: Int) {
    guard let memory = unsafe memory else { return }
    unsafe HostileMemory.free(UnsafeMutableRawPointer(memory), count: capacity * MemoryLayout<Element>.stride)
  }
}

extension GrowingMemory<UInt8> {
  /// The bytes, valid until more are appended or the memory is emptied.
  @inlinable
  package var bytes: Bytes { unsafe Bytes(base: address, count: count) }

  /// Appends `bytes`, for which there is room and which are not part of this memory.
  package mutating func append(_ bytes: Bytes) {
    precondition(bytes.count <= capacity - count)
    guard let source = unsafe bytes.base, let base = unsafe base else { return }
    unsafe ByteCopy.copy(source, bytes.count, to: base + count)
    count &+= bytes.count
  }

  /// Appends a copy of `length` of its own bytes from `start`, for which there is room.
  mutating func append(own start: Int, length: Int) {
    precondition(start >= 0 && length >= 0 && start <= count - length && length <= capacity - count)
    guard let base = unsafe base else { return }
    unsafe ByteCopy.copy(base + start, length, to: base + count)
    count &+= length
  }
}
