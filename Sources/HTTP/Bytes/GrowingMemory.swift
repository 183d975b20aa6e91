/// Memory for a run of elements that grows up to a bound, and moves when it does: nobody keeps an address into it.
@safe
struct GrowingMemory<Element: BitwiseCopyable>: ~Copyable {
  private var base: UnsafeMutablePointer<Element>?
  private(set) var capacity = 0
  private(set) var count = 0
  private let most: Int
  private let first: Int

  /// - Parameters:
  ///   - first: the capacity that it begins with, once it holds anything.
  ///   - most: the most elements that it ever holds.
  init(first: Int, most: Int) {
    self.first = first
    self.most = most
    unsafe base = nil
  }

  deinit { unsafe GrowingMemory.free(base, capacity) }

  /// Makes sure that `more` elements can be appended; false where they would be too many. May move all of them.
  mutating func makeRoom(_ more: Int) -> Bool {
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
  mutating func append(_ element: Element) {
    precondition(count < capacity)
    // There is memory where there is capacity.
    unsafe (base.unsafelyUnwrapped + count).initialize(to: element)
    count &+= 1
  }

  subscript(_ index: Int) -> Element {
    get {
      precondition(index >= 0 && index < count)
      return unsafe base.unsafelyUnwrapped[index]  // checked on the line above
    }
    set {
      precondition(index >= 0 && index < count)
      unsafe base.unsafelyUnwrapped[index] = newValue  // checked on the line above
    }
  }

  /// Where the elements stand, until more are appended or the memory is emptied; nil as long as there was never any.
  var address: UnsafePointer<Element>? { unsafe UnsafePointer(base) }

  /// Forgets all elements, and gives memory back beyond `kept` of them.
  mutating func empty(keeping kept: Int) {
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
  /// Appends `bytes`, for which there is room, and which are not its own.
  mutating func append(_ bytes: Bytes) {
    precondition(bytes.count <= capacity - count)
    guard let source = unsafe bytes.base, let base = unsafe base else { return }
    unsafe ByteCopy.copy(source, bytes.count, to: base + count)
    count &+= bytes.count
  }

  /// Appends a copy of `length` of its own bytes from `start` on, for which there is room.
  mutating func append(own start: Int, length: Int) {
    precondition(start >= 0 && length >= 0 && start <= count - length && length <= capacity - count)
    guard let base = unsafe base else { return }
    unsafe ByteCopy.copy(base + start, length, to: base + count)
    count &+= length
  }
}
