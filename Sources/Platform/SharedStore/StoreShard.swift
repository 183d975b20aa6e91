import Glibc
import Synchronization

/// The memory of a shard has a content that this program does not write.
struct StoreCorruption: Error {}

/// One shard of a shared store, with its lock held.
///
/// An entry is a chain of cells. The first contains the entry's head; the key, padded to whole words, and the value
/// follow in all cells. The entries of a bucket form a list in the order of their hashes.
///
/// The principle: the lists of buckets are consistent at every moment, so that a process may die at any time. An entry
/// is completely written before a single store links it; single stores also replace and unlink entries. What a dying
/// process can lose are cells that are in no list; `repair` finds them. All indices and lengths are checked before they
/// are used, because a faulty process can write here.
@safe
struct StoreShard {
  private let head: UnsafeMutablePointer<Atomic<UInt32>>
  private let buckets: UnsafeMutablePointer<Atomic<UInt32>>
  private let cells: UnsafeMutableRawPointer

  init(_ base: UnsafeMutableRawPointer, _ layout: StoreLayout, _ shard: Int) {
    let offsets = layout.offsets(of: shard)
    unsafe head = (base + offsets.head).assumingMemoryBound(to: Atomic<UInt32>.self)
    unsafe buckets = (base + offsets.buckets).assumingMemoryBound(to: Atomic<UInt32>.self)
    unsafe cells = base + offsets.cells
  }

  /// The number of a cell, which is its index plus 1; 0 for none.
  typealias Number = UInt32

  // MARK: The head: after the lock, which takes the first 64 bytes

  private subscript(word index: Int) -> UInt32 {
    get { unsafe head[16 + index].load(ordering: .relaxed) }
    nonmutating set { unsafe head[16 + index].store(newValue, ordering: .relaxed) }
  }

  /// The first free cell, and the length of the free list.
  private var firstFree: Number {
    get { self[word: 0] }
    nonmutating set { self[word: 0] = newValue }
  }
  private var freeCount: Int {
    get { Int(self[word: 1]) }
    nonmutating set { self[word: 1] = UInt32(truncatingIfNeeded: newValue) }
  }
  /// The number of cells that have ever been used; all others are free too.
  private var touched: Int {
    get { min(Int(self[word: 2]), StoreLayout.cells) }
    nonmutating set { self[word: 2] = UInt32(truncatingIfNeeded: newValue) }
  }
  /// Where the next search for an entry to evict begins.
  private var hand: Int {
    get { Int(self[word: 3]) & (StoreLayout.buckets - 1) }
    nonmutating set { self[word: 3] = UInt32(truncatingIfNeeded: newValue) }
  }
  /// The earliest expiry in monotonic nanoseconds, possibly too early; 0 for none.
  private var nextExpiry: UInt64 {
    get { UInt64(self[word: 5]) << 32 | UInt64(self[word: 4]) }
    nonmutating set {
      self[word: 4] = UInt32(truncatingIfNeeded: newValue)
      self[word: 5] = UInt32(truncatingIfNeeded: newValue >> 32)
    }
  }

  var free: Int { freeCount + StoreLayout.cells - touched }

  // MARK: Cells

  private func cell(_ number: Number) throws(StoreCorruption) -> UnsafeMutableRawPointer {
    guard number > 0 && number <= StoreLayout.cells else { throw StoreCorruption() }
    return unsafe cells + (Int(number) - 1) * StoreLayout.cellSize
  }

  private func word(_ number: Number, at offset: Int) throws(StoreCorruption) -> UnsafeMutablePointer<Atomic<UInt32>> {
    unsafe (try cell(number) + offset).assumingMemoryBound(to: Atomic<UInt32>.self)
  }

  /// The next cell of a chain or of the free list.
  private func next(of number: Number) throws(StoreCorruption) -> Number {
    unsafe try word(number, at: 0).pointee.load(ordering: .relaxed)
  }

  private func setNext(of number: Number, _ next: Number) throws(StoreCorruption) {
    unsafe try word(number, at: 0).pointee.store(next, ordering: .relaxed)
  }

  // MARK: Entries

  private static let firstPayload = 96
  private static let payload = 120

  struct Entry {
    let number: Number
    let hash: UInt64
    let expiry: UInt64
    let keySize: Int
    let valueSize: Int

    /// The offset of the value, after the key.
    var valueOffset: Int { StoreShard.wholeWords(keySize) }
    var cellCount: Int { StoreShard.cellCount(key: keySize, value: valueSize) }

    func isExpired(_ now: UInt64) -> Bool { expiry != 0 && expiry <= now }
  }

  private static func wholeWords(_ size: Int) -> Int { (size + 7) & ~7 }

  static func cellCount(key: Int, value: Int) -> Int {
    let more = wholeWords(key) + value - firstPayload
    return more <= 0 ? 1 : 1 + (more + payload - 1) / payload
  }

  private func entry(_ number: Number) throws(StoreCorruption) -> Entry {
    let cell = unsafe try cell(number)
    let entry = unsafe Entry(
      number: number, hash: cell.load(fromByteOffset: 8, as: UInt64.self),
      expiry: cell.load(fromByteOffset: 16, as: UInt64.self),
      keySize: Int(cell.load(fromByteOffset: 24, as: UInt32.self)),
      valueSize: Int(cell.load(fromByteOffset: 28, as: UInt32.self)))
    guard entry.keySize <= StoreLayout.maxKey && entry.valueSize <= StoreLayout.maxValue else {
      throw StoreCorruption()
    }
    return entry
  }

  /// Calls `body` with the pieces of a range of an entry's content, and the offset of each.
  private func visit(
    _ number: Number, from start: Int, count: Int, _ body: (UnsafeMutableRawBufferPointer, Int) -> Bool
  ) throws(StoreCorruption) {
    var number = number
    var offset = start
    var size = StoreShard.firstPayload
    var begin = 32
    var done = 0
    while true {
      if offset < size {
        let piece = min(size - offset, count - done)
        let bytes = unsafe UnsafeMutableRawBufferPointer(start: try cell(number) + begin + offset, count: piece)
        guard unsafe body(bytes, done) else { return }
        done += piece
        offset += piece
      }
      if done >= count { return }
      offset -= size
      number = try next(of: number)
      size = StoreShard.payload
      begin = 8
    }
  }

  private func key(of entry: Entry, equals key: UnsafeRawBufferPointer) throws(StoreCorruption) -> Bool {
    guard entry.keySize == key.count else { return false }
    return unsafe try self.bytes(of: entry, at: 0, equal: key)
  }

  func value(of entry: Entry, equals value: UnsafeRawBufferPointer) throws(StoreCorruption) -> Bool {
    guard entry.valueSize == value.count else { return false }
    return unsafe try self.bytes(of: entry, at: entry.valueOffset, equal: value)
  }

  private func bytes(
    of entry: Entry, at offset: Int, equal expected: UnsafeRawBufferPointer
  ) throws(StoreCorruption) -> Bool {
    var isEqual = true
    unsafe try visit(entry.number, from: offset, count: expected.count) { piece, done in
      isEqual = unsafe piece.isEmpty || memcmp(piece.baseAddress!, expected.baseAddress! + done, piece.count) == 0
      return isEqual
    }
    return isEqual
  }

  func hasPrefix(_ entry: Entry, _ prefix: UnsafeRawBufferPointer) throws(StoreCorruption) -> Bool {
    unsafe entry.keySize >= prefix.count ? try bytes(of: entry, at: 0, equal: prefix) : false
  }

  func copyKey(of entry: Entry, from start: Int, to room: UnsafeMutableRawBufferPointer) throws(StoreCorruption) {
    unsafe try copy(entry, from: start, count: entry.keySize - start, to: room)
  }

  func copyValue(of entry: Entry, to room: UnsafeMutableRawBufferPointer) throws(StoreCorruption) {
    unsafe try copy(entry, from: entry.valueOffset, count: entry.valueSize, to: room)
  }

  private func copy(
    _ entry: Entry, from start: Int, count: Int, to room: UnsafeMutableRawBufferPointer
  ) throws(StoreCorruption) {
    guard count > 0, count <= room.count else { return }
    unsafe try visit(entry.number, from: start, count: count) { piece, done in
      unsafe memcpy(room.baseAddress! + done, piece.baseAddress!, piece.count)
      return true
    }
  }

  /// The counter in an entry of eight bytes; it is changed by a single store.
  func counter(of entry: Entry) throws(StoreCorruption) -> UnsafeMutablePointer<Atomic<UInt64>>? {
    guard entry.valueSize == 8 else { return nil }
    var found: UnsafeMutablePointer<Atomic<UInt64>>?
    unsafe try visit(entry.number, from: entry.valueOffset, count: 8) { piece, _ in
      unsafe found = piece.baseAddress!.assumingMemoryBound(to: Atomic<UInt64>.self)
      return false
    }
    return unsafe found
  }

  // MARK: Lists

  /// A position in a bucket's list: the link to the entry that is there, if any.
  @safe
  struct Position {
    fileprivate let link: UnsafeMutablePointer<Atomic<UInt32>>
    let entry: Entry?
  }

  /// The position of a key, or where it would be.
  func find(_ key: UnsafeRawBufferPointer, _ hash: UInt64, bucket: Int) throws(StoreCorruption) -> Position {
    var position = try begin(bucket)
    for _ in 0...StoreLayout.cells {
      guard let entry = position.entry, entry.hash <= hash else {
        return unsafe Position(link: position.link, entry: nil)
      }
      if entry.hash == hash, unsafe try self.key(of: entry, equals: key) { return position }
      position = try following(position, entry)
    }
    throw StoreCorruption()
  }

  /// The first entry that `matches` and whose hash is at least `hash`, in this bucket or a later one.
  func first(
    from hash: UInt64, bucket: Int, _ matches: (Entry) throws(StoreCorruption) -> Bool
  ) throws(StoreCorruption) -> Entry? {
    var steps = 0
    for bucket in bucket..<StoreLayout.buckets {
      var position = try begin(bucket)
      while let entry = position.entry {
        if entry.hash >= hash, try matches(entry) { return entry }
        steps += 1
        guard steps <= StoreLayout.cells else { throw StoreCorruption() }
        position = try following(position, entry)
      }
    }
    return nil
  }

  private func begin(_ bucket: Int) throws(StoreCorruption) -> Position {
    unsafe try at(unsafe buckets + (bucket & (StoreLayout.buckets - 1)))
  }

  private func following(_ position: Position, _ entry: Entry) throws(StoreCorruption) -> Position {
    unsafe try at(unsafe try word(entry.number, at: 4))
  }

  private func at(_ link: UnsafeMutablePointer<Atomic<UInt32>>) throws(StoreCorruption) -> Position {
    let number = unsafe link.pointee.load(ordering: .acquiring)
    return unsafe Position(link: link, entry: number == 0 ? nil : try entry(number))
  }

  // MARK: Changes

  /// Inserts an entry at a position, or replaces the entry there. There are enough free cells.
  func put(
    _ key: UnsafeRawBufferPointer, _ hash: UInt64, _ value: UnsafeRawBufferPointer, expiry: UInt64,
    at position: Position
  ) throws(StoreCorruption) {
    let count = StoreShard.cellCount(key: key.count, value: value.count)
    let number = try allocate(count)
    let cell = unsafe try cell(number)
    let follower: Number =
      if let former = position.entry {
        unsafe try word(former.number, at: 4).pointee.load(ordering: .relaxed)
      } else {
        unsafe position.link.pointee.load(ordering: .relaxed)
      }
    unsafe try word(number, at: 4).pointee.store(follower, ordering: .relaxed)
    unsafe cell.storeBytes(of: hash, toByteOffset: 8, as: UInt64.self)
    unsafe cell.storeBytes(of: expiry, toByteOffset: 16, as: UInt64.self)
    unsafe cell.storeBytes(of: UInt32(key.count), toByteOffset: 24, as: UInt32.self)
    unsafe cell.storeBytes(of: UInt32(value.count), toByteOffset: 28, as: UInt32.self)
    unsafe try write(key, to: number, at: 0)
    unsafe try write(value, to: number, at: StoreShard.wholeWords(key.count))
    if expiry != 0 && (nextExpiry == 0 || expiry < nextExpiry) { nextExpiry = expiry }
    unsafe position.link.pointee.store(number, ordering: .releasing)
    if let former = position.entry { try release(former) }
  }

  private func write(_ bytes: UnsafeRawBufferPointer, to number: Number, at offset: Int) throws(StoreCorruption) {
    guard bytes.count > 0 else { return }
    unsafe try visit(number, from: offset, count: bytes.count) { piece, done in
      unsafe memcpy(piece.baseAddress!, bytes.baseAddress! + done, piece.count)
      return true
    }
  }

  /// Removes the entry at a position.
  func remove(_ entry: Entry, at position: Position) throws(StoreCorruption) {
    let follower = unsafe try word(entry.number, at: 4).pointee.load(ordering: .relaxed)
    unsafe position.link.pointee.store(follower, ordering: .releasing)
    try release(entry)
  }

  /// Frees the cells of an entry that is in no list any more.
  private func release(_ entry: Entry) throws(StoreCorruption) {
    var last = entry.number
    for _ in 1..<entry.cellCount { last = try next(of: last) }
    try setNext(of: last, firstFree)
    firstFree = entry.number
    freeCount += entry.cellCount
  }

  /// Allocates a chain of `count` cells.
  private func allocate(_ count: Int) throws(StoreCorruption) -> Number {
    var first: Number = 0
    for _ in 0..<count {
      let number: Number
      if firstFree != 0 {
        number = firstFree
        firstFree = try next(of: number)
        freeCount -= 1
      } else {
        guard touched < StoreLayout.cells else { throw StoreCorruption() }
        number = Number(touched + 1)
        touched += 1
      }
      try setNext(of: number, first)
      first = number
    }
    return first
  }

  // MARK: Room

  /// Makes room for `count` cells: removes expired entries first, then entries with a lifetime, each time the one of a
  /// sample that expires first.
  ///
  /// - Returns: the number of entries evicted before they expired; nil if evictions can't make enough room.
  func makeRoom(_ count: Int, now: UInt64) throws(StoreCorruption) -> Int? {
    if free >= count { return 0 }
    if nextExpiry != 0 && nextExpiry <= now { try removeExpired(now) }
    var evicted = 0
    while free < count {
      guard try evictOne() else { return nil }
      evicted += 1
    }
    return evicted
  }

  private func removeExpired(_ now: UInt64) throws(StoreCorruption) {
    var least = UInt64.max
    var steps = 0
    for bucket in 0..<StoreLayout.buckets {
      var position = try begin(bucket)
      while let entry = position.entry {
        steps += 1
        guard steps <= StoreLayout.cells else { throw StoreCorruption() }
        if entry.isExpired(now) {
          try remove(entry, at: position)
          position = unsafe try at(unsafe position.link)
        } else {
          if entry.expiry != 0 { least = min(least, entry.expiry) }
          position = try following(position, entry)
        }
      }
    }
    nextExpiry = least == .max ? 0 : least
  }

  /// The number of entries that are compared to choose one.
  private static let sample = 8

  private func evictOne() throws(StoreCorruption) -> Bool {
    var best: (entry: Entry, position: Position)?
    var seen = 0
    var steps = 0
    let start = hand
    for offset in 0..<StoreLayout.buckets where seen < StoreShard.sample {
      var position = try begin(start + offset)
      hand = start + offset + 1
      while let entry = position.entry {
        steps += 1
        guard steps <= StoreLayout.cells else { throw StoreCorruption() }
        if entry.expiry != 0 {
          seen += 1
          if best.map({ entry.expiry < $0.entry.expiry }) ?? true { best = (entry, position) }
        }
        position = try following(position, entry)
      }
    }
    guard let best else { return false }
    try remove(best.entry, at: best.position)
    return true
  }

  // MARK: Faults

  /// A process has died holding the lock: frees the cells that are in no list.
  func repair() {
    do throws(StoreCorruption) {
      var isUsed = [Bool](repeating: false, count: StoreLayout.cells + 1)
      var used = 0
      for bucket in 0..<StoreLayout.buckets {
        var position = try begin(bucket)
        while let entry = position.entry {
          var number = entry.number
          for index in 0..<entry.cellCount {
            if index > 0 { number = try next(of: number) }
            guard number > 0, number <= touched, !isUsed[Int(number)] else { throw StoreCorruption() }
            isUsed[Int(number)] = true
            used += 1
          }
          position = try following(position, entry)
        }
      }
      firstFree = 0
      freeCount = touched - used
      for number in 1...StoreLayout.cells where number <= touched && !isUsed[number] {
        try setNext(of: Number(number), firstFree)
        firstFree = Number(number)
      }
      nextExpiry = 1  // may have been written in part: the next look finds it
    } catch {
      clear()
    }
  }

  /// Empties the shard.
  func clear() {
    for bucket in 0..<StoreLayout.buckets { unsafe buckets[bucket].store(0, ordering: .relaxed) }
    firstFree = 0
    freeCount = 0
    touched = 0
    nextExpiry = 0
  }

  /// The number of cells of all entries, for tests: with the free ones these are all cells.
  func usedCells() throws(StoreCorruption) -> Int {
    var used = 0
    _ = try first(from: 0, bucket: 0) { (entry) throws(StoreCorruption) -> Bool in
      used += entry.cellCount
      return false
    }
    return used
  }
}
