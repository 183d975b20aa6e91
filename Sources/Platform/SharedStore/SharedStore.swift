import CLinux
import Glibc
import Synchronization

/// Keys and values that all workers of a service share, in the memory of a sealed memfd. The supervisor keeps its
/// descriptor across reloads and never maps it; only workers do.
///
/// Processes may be killed at any moment: see `StoreShard`. A lock is held for a few microseconds, without calling
/// foreign code.
@safe
package struct SharedStore: @unchecked Sendable {
  // The memory is accessed with the lock of its shard held, or atomically.
  private let base: UnsafeMutableRawPointer
  private let layout: StoreLayout
  private let seed: (UInt64, UInt64)

  // MARK: Making one

  /// A memfd of zeros, not prepared yet.
  package static func makeFile(size: Int) throws(Errno) -> FileDescriptor {
    let file = try MemoryFile.empty(name: "outrider-store", size: size)
    try MemoryFile.sealSize(file)
    return file
  }

  /// [master] Prepares the memory unless that has been done, before any plugin runs.
  package static func prepare(_ file: CInt) throws(Errno) {
    guard let (base, layout) = unsafe try map(file) else { return }
    defer { unsafe munmap(base, layout.byteCount) }
    let words = unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)
    guard unsafe words[0].load(ordering: .acquiring) != StoreLayout.magic else { return }
    var generator = SystemRandomNumberGenerator()
    unsafe words[1].store(generator.next(), ordering: .relaxed)
    unsafe words[2].store(generator.next(), ordering: .relaxed)
    for shard in 0..<layout.shards { unsafe StoreLock(unsafe base + layout.offsets(of: shard).head).prepare() }
    unsafe words[0].store(StoreLayout.magic, ordering: .releasing)
  }

  /// [worker] Maps a store; nil if the file is not a store.
  package init?(_ file: CInt) throws(Errno) {
    guard let (base, layout) = unsafe try SharedStore.map(file) else { return nil }
    unsafe self.base = base
    self.layout = layout
    let words = unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)
    seed = unsafe (words[1].load(ordering: .relaxed), words[2].load(ordering: .relaxed))
  }

  private static func map(_ file: CInt) throws(Errno) -> (UnsafeMutableRawPointer, StoreLayout)? {
    guard let size = MemoryFile.sealedSize(of: file), let layout = StoreLayout(byteCount: size) else { return nil }
    guard let memory = unsafe mmap(nil, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0), unsafe memory != MAP_FAILED
    else { throw .last("mmap store") }
    return unsafe (memory, layout)
  }

  // MARK: Results

  package enum Outcome: Equatable, Sendable {
    case done
    /// The key does not exist or has another value: nothing has changed.
    case absent
    /// The value is of another kind, or does not fit into the caller's buffer.
    case mismatch
    /// There is no room, and nothing can be evicted.
    case full
    /// Another process was stopped within a call.
    case busy
    /// Something else has written to the memory; the content of the shard is lost.
    case corrupt
  }

  /// The result of a change.
  package struct Change: Equatable, Sendable {
    package var outcome: Outcome
    /// The number of entries that were evicted before they expired.
    package var evicted = 0
  }

  // MARK: Calls, by any thread

  /// Copies the value of a key into `room`.
  ///
  /// - Parameters:
  ///   - size: set to the size of the value, even if it does not fit.
  ///   - remaining: set to the value's remaining lifetime in nanoseconds; 0 for unlimited.
  package func get(
    _ key: UnsafeRawBufferPointer, into room: UnsafeMutableRawBufferPointer, size: inout Int, remaining: inout UInt64
  ) -> Outcome {
    let now = Clock.monotonic()
    return unsafe locked(key) { (shard, hash, bucket) throws(StoreCorruption) in
      guard let entry = unsafe try shard.find(key, hash, bucket: bucket).entry, !entry.isExpired(now) else {
        return .absent
      }
      size = entry.valueSize
      remaining = entry.expiry == 0 ? 0 : entry.expiry - now
      guard size <= room.count else { return .mismatch }
      unsafe try shard.copyValue(of: entry, to: room)
      return .done
    }
  }

  /// The condition for setting a value.
  @safe
  package enum Condition {
    case any
    case absent
    case value(UnsafeRawBufferPointer)
  }

  /// Sets the value of a key with a lifetime in nanoseconds; 0 for unlimited.
  package func set(
    _ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer, if condition: Condition = .any, lifetime: UInt64
  ) -> Change {
    let now = Clock.monotonic()
    var change = Change(outcome: .done)
    change.outcome = unsafe locked(key) { (shard, hash, bucket) throws(StoreCorruption) in
      if unsafe try !holds(condition, shard, shard.find(key, hash, bucket: bucket).entry, now) { return .absent }
      guard let evicted = try shard.makeRoom(StoreShard.cellCount(key: key.count, value: value.count), now: now) else {
        return .full
      }
      change.evicted = evicted
      // The previous entry may have been evicted.
      let position = unsafe try shard.find(key, hash, bucket: bucket)
      if try !holds(condition, shard, position.entry, now) { return .absent }
      unsafe try shard.put(key, hash, value, expiry: SharedStore.expiry(now, lifetime), at: position)
      return .done
    }
    return change
  }

  private func holds(
    _ condition: Condition, _ shard: StoreShard, _ entry: StoreShard.Entry?, _ now: UInt64
  ) throws(StoreCorruption) -> Bool {
    let entry = entry.flatMap { $0.isExpired(now) ? nil : $0 }
    switch condition {
    case .any: return true
    case .absent: return entry == nil
    case .value(let expected):
      guard let entry else { return false }
      return unsafe try shard.value(of: entry, equals: expected)
    }
  }

  /// Adds to a counter. A new counter begins with 0 and has the lifetime in nanoseconds; 0 for unlimited.
  ///
  /// - Parameter sum: set to the new value.
  package func add(_ key: UnsafeRawBufferPointer, _ amount: Int64, lifetime: UInt64, sum: inout Int64) -> Change {
    let now = Clock.monotonic()
    var change = Change(outcome: .done)
    change.outcome = unsafe locked(key) { (shard, hash, bucket) throws(StoreCorruption) in
      if let entry = unsafe try shard.find(key, hash, bucket: bucket).entry, !entry.isExpired(now) {
        guard let counter = unsafe try shard.counter(of: entry) else { return .mismatch }
        sum = unsafe Int64(bitPattern: counter.pointee.load(ordering: .relaxed)) &+ amount
        unsafe counter.pointee.store(UInt64(bitPattern: sum), ordering: .relaxed)
        return .done
      }
      guard let evicted = try shard.makeRoom(StoreShard.cellCount(key: key.count, value: 8), now: now) else {
        return .full
      }
      change.evicted = evicted
      sum = amount
      let position = unsafe try shard.find(key, hash, bucket: bucket)
      try unsafe withUnsafeBytes(of: amount) { (value) throws(StoreCorruption) in
        unsafe try shard.put(key, hash, value, expiry: SharedStore.expiry(now, lifetime), at: position)
      }
      return .done
    }
    return change
  }

  package func remove(_ key: UnsafeRawBufferPointer) -> Outcome {
    let now = Clock.monotonic()
    return unsafe locked(key) { (shard, hash, bucket) throws(StoreCorruption) in
      let position = unsafe try shard.find(key, hash, bucket: bucket)
      guard let entry = position.entry else { return .absent }
      try shard.remove(entry, at: position)
      return entry.isExpired(now) ? .absent : .done
    }
  }

  /// Copies the next key that begins with `prefix` into `room`, without its first `skipped` bytes.
  ///
  /// The order of keys is arbitrary. A key that exists during the whole iteration is returned once; others may be
  /// missed.
  ///
  /// - Parameters:
  ///   - cursor: 0 at first; advanced behind the key.
  ///   - size: set to the size of the key's rest, even if it does not fit.
  package func next(
    _ prefix: UnsafeRawBufferPointer, skipping skipped: Int, cursor: inout UInt64,
    into room: UnsafeMutableRawBufferPointer, size: inout Int
  ) -> Outcome {
    let now = Clock.monotonic()
    while cursor != .max {
      let (index, bucket) = layout.place(of: cursor)
      let outcome = locked(index) { (shard) throws(StoreCorruption) in
        let from = cursor
        let found = try shard.first(from: from, bucket: bucket) { (entry) throws(StoreCorruption) -> Bool in
          if entry.isExpired(now) { return false }
          return unsafe try shard.hasPrefix(entry, prefix)
        }
        guard let found else { return .absent }
        size = found.keySize - skipped
        guard size <= room.count else { return .mismatch }
        unsafe try shard.copyKey(of: found, from: skipped, to: room)
        cursor = found.hash + 1  // at most .max: see `hash`
        return .done
      }
      if outcome != .absent { return outcome }
      cursor = firstHash(of: index + 1)
    }
    return .absent
  }

  /// The lowest hash of a shard; `.max` behind the last shard.
  private func firstHash(of shard: Int) -> UInt64 {
    guard shard < layout.shards else { return .max }
    let (quotient, remainder) = UInt64(layout.shards).dividingFullWidth((UInt64(shard), 0))
    return remainder == 0 ? quotient : quotient + 1
  }

  // MARK: Private parts

  private static func expiry(_ now: UInt64, _ lifetime: UInt64) -> UInt64 {
    guard lifetime != 0 else { return 0 }
    let (moment, overflow) = now.addingReportingOverflow(lifetime)
    return overflow ? 0 : moment
  }

  private func locked(
    _ key: UnsafeRawBufferPointer,
    _ body: (_ shard: StoreShard, _ hash: UInt64, _ bucket: Int) throws(StoreCorruption) -> Outcome
  ) -> Outcome {
    // The largest number means the end of a list of keys.
    let hash = min(unsafe KeyHash.hash(key, seed: seed), .max - 1)
    let (index, bucket) = layout.place(of: hash)
    return locked(index) { (shard) throws(StoreCorruption) in try body(shard, hash, bucket) }
  }

  private func locked(_ index: Int, _ body: (StoreShard) throws(StoreCorruption) -> Outcome) -> Outcome {
    let lock = unsafe StoreLock(unsafe base + layout.offsets(of: index).head)
    let shard = unsafe StoreShard(base, layout, index)
    switch lock.lock() {
    case .locked: break
    case .inherited:
      unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)[3].wrappingAdd(1, ordering: .relaxed)
      shard.repair()
      lock.makeConsistent()
    case .busy: return .busy
    case .unusable: return .corrupt
    }
    defer { lock.unlock() }
    do throws(StoreCorruption) {
      return try body(shard)
    } catch {
      shard.clear()
      return .corrupt
    }
  }

  // MARK: For tests

  /// The number of locks that were taken over from processes that died holding them.
  package var inheritedLocks: UInt64 {
    unsafe base.assumingMemoryBound(to: Atomic<UInt64>.self)[3].load(ordering: .relaxed)
  }

  /// Whether each cell is either part of an entry or free; takes every shard's lock.
  package func isSound() -> Bool {
    (0..<layout.shards).allSatisfy { index in
      locked(index) { (shard) throws(StoreCorruption) in
        try shard.usedCells() + shard.free == StoreLayout.cells ? .done : .mismatch
      } == .done
    }
  }
}
