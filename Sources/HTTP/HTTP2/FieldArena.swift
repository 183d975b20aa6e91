/// Memory for the names and values of one field section, kept from use to use; it grows up to a bound.
@safe
struct FieldArena: ~Copyable {
  private var base: UnsafeMutablePointer<UInt8>?
  private var capacity = 0
  private(set) var count = 0
  private let most: Int

  private static let first = 1024

  /// - Parameter most: the most bytes that it ever holds.
  init(most: Int) {
    self.most = most
    unsafe base = nil
  }

  deinit { unsafe base?.deallocate() }

  mutating func reset() { count = 0 }

  /// How far what stands in it moves when `bytes` more are to come; nil where they do not fit.
  enum Room {
    case stays
    /// Views are to be moved by so many bytes.
    case moves(by: Int)
    case none
  }

  mutating func makeRoom(_ bytes: Int) -> Room {
    guard bytes <= most - count else { return .none }
    if count + bytes <= capacity { return .stays }
    let larger = min(most, max(FieldArena.first, (count + bytes) * 2))
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: larger)
    var distance = 0
    if let old = unsafe base {
      unsafe memory.update(from: old, count: count)
      distance = unsafe UnsafeRawPointer(memory) - UnsafeRawPointer(old)
      unsafe old.deallocate()
    }
    unsafe base = memory
    capacity = larger
    return .moves(by: distance)
  }

  /// Copies `bytes`, for which there is room.
  mutating func append(_ bytes: Bytes) -> Bytes {
    precondition(bytes.count <= capacity - count)
    guard let source = unsafe bytes.base, let memory = unsafe base, bytes.count > 0 else { return .empty }
    unsafe (memory + count).update(from: source, count: bytes.count)
    defer { count += bytes.count }
    return unsafe Bytes(base: memory + count, count: bytes.count)
  }

  /// Whether `bytes` are the last that were appended.
  func endsWith(_ bytes: Bytes) -> Bool {
    guard let memory = unsafe base, let start = unsafe bytes.base else { return false }
    return unsafe start + bytes.count == UnsafePointer(memory + count)
  }
}

extension Bytes {
  /// The same bytes after their memory has moved.
  func moved(by distance: Int) -> Bytes {
    let moved = unsafe base.map { unsafe (UnsafeRawPointer($0) + distance).assumingMemoryBound(to: UInt8.self) }
    return unsafe Bytes(base: moved, count: count)
  }
}
