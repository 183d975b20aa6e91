import HTTP

/// Memory of the exact size of all bytes, in which they arrive one after another. AddressSanitizer traps reads of a
/// byte that has not arrived, or beyond the end.
@safe
struct ArrivingBytes: ~Copyable {
  private let memory: UnsafeMutablePointer<UInt8>
  private let capacity: Int
  private(set) var count = 0

  /// Nothing of `bytes` has come.
  init(_ bytes: Bytes) {
    capacity = max(bytes.count, 1)
    unsafe memory = .allocate(capacity: capacity)
    unsafe memory.initialize(repeating: 0, count: capacity)
    if let source = unsafe bytes.base { unsafe memory.update(from: source, count: bytes.count) }
    unsafe poison(memory, capacity)
  }

  /// All of `bytes` has come.
  init(all bytes: Bytes) {
    self.init(bytes)
    arrive(bytes.count)
  }

  deinit {
    unsafe unpoison(memory, capacity)
    unsafe memory.deallocate()
  }

  /// Now `count` bytes have come, no fewer than before.
  mutating func arrive(_ count: Int) {
    require(count >= self.count && count <= capacity, "bytes do not go away")
    if count > self.count { unsafe unpoison(memory + self.count, count - self.count) }
    self.count = count
  }

  var base: UnsafePointer<UInt8> { unsafe UnsafePointer(memory) }

  /// What has come.
  var bytes: Bytes { unsafe Bytes(base: base, count: count) }

  /// Whether `view` shows nothing but bytes below `end`.
  func holds(_ view: Bytes, below end: Int) -> Bool {
    if view.isEmpty { return view.count == 0 }
    guard let first = unsafe view.base else { return false }
    return unsafe view.count > 0 && first >= base && first + view.count <= base + end
  }
}

// AddressSanitizer's own interface (sanitizer/asan_interface.h).

@_silgen_name("__asan_poison_memory_region")
private func poison(_ start: UnsafeRawPointer, _ count: Int)

@_silgen_name("__asan_unpoison_memory_region")
private func unpoison(_ start: UnsafeRawPointer, _ count: Int)
