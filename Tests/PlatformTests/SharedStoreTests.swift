import Glibc
import Testing

@testable import Platform

/// A store of this process, with calls in texts.
private struct TestStore: ~Copyable {
  let store: SharedStore
  let file: FileDescriptor

  init(size: Int = StoreLayout.minSize) throws {
    let file = try SharedStore.makeFile(size: size)
    try SharedStore.prepare(file.raw)
    store = try #require(try SharedStore(file.raw))
    self.file = file
  }

  func set(_ key: String, _ value: [UInt8], lifetime: UInt64 = 0) -> SharedStore.Change {
    unsafe Array(key.utf8).withUnsafeBytes { key in
      unsafe value.withUnsafeBytes { unsafe store.set(key, to: $0, lifetime: lifetime) }
    }
  }

  func get(_ key: String) -> [UInt8]? {
    var room = [UInt8](repeating: 0, count: StoreLayout.maxValue)
    var (size, remaining) = (0, UInt64(0))
    let outcome = unsafe Array(key.utf8).withUnsafeBytes { key in
      unsafe room.withUnsafeMutableBytes { unsafe store.get(key, into: $0, size: &size, remaining: &remaining) }
    }
    return outcome == .done ? Array(room[..<size]) : nil
  }

  func add(_ key: String, _ amount: Int64) -> SharedStore.Outcome {
    var sum: Int64 = 0
    return unsafe Array(key.utf8).withUnsafeBytes { unsafe store.add($0, amount, lifetime: 0, sum: &sum).outcome }
  }

  func remove(_ key: String) -> SharedStore.Outcome {
    unsafe Array(key.utf8).withUnsafeBytes { unsafe store.remove($0) }
  }

  func keys(_ prefix: String = "") -> [String] {
    var keys: [String] = []
    var cursor: UInt64 = 0
    var room = [UInt8](repeating: 0, count: StoreLayout.maxKey)
    while keys.count < 10_000 {
      var size = 0
      let outcome = unsafe Array(prefix.utf8).withUnsafeBytes { prefix in
        unsafe room.withUnsafeMutableBytes {
          unsafe store.next(prefix, skipping: 0, cursor: &cursor, into: $0, size: &size)
        }
      }
      guard outcome == .done else { break }
      keys.append(String(decoding: room[..<size], as: UTF8.self))
    }
    return keys
  }
}

@Suite struct SharedStoreTests {
  /// The first of the vectors that the authors of SipHash publish: the keys 0 to 15, messages of the bytes 0, 1, 2 and so on.
  @Test func hashesAreSipHash() {
    let seed: (UInt64, UInt64) = (0x0706_0504_0302_0100, 0x0F0E_0D0C_0B0A_0908)
    let expected: [(Int, UInt64)] = [(0, 0x726F_DB47_DD0E_0E31), (15, 0xA129_CA61_49BE_45E5)]
    for (count, hash) in expected {
      let message = (0..<count).map { UInt8($0) }
      #expect(unsafe message.withUnsafeBytes { unsafe KeyHash.hash($0, seed: seed) } == hash)
    }
  }

  @Test func hashesAreInTheOrderOfTheirPlaces() throws {
    let layout = try #require(StoreLayout(byteCount: 8 << 20))
    var before = (shard: 0, bucket: 0)
    for step in UInt64(0)..<4096 {
      let place = layout.place(of: step << 52 | 0xF_FFFF_FFFF_FFFF)
      #expect((before.shard, before.bucket) <= (place.shard, place.bucket))
      #expect((0..<layout.shards).contains(place.shard) && (0..<StoreLayout.buckets).contains(place.bucket))
      before = place
    }
    let last = layout.offsets(of: layout.shards - 1)
    #expect(last.cells + StoreLayout.cells * StoreLayout.cellSize <= layout.byteCount)
    #expect(StoreLayout(byteCount: StoreLayout.minSize - 1) == nil)
    #expect(StoreLayout(byteCount: StoreLayout.minSize)?.shards == 1)
  }

  @Test func keysAndValuesOfAllSizesComeBack() throws {
    let test = try TestStore()
    for keySize in [1, 7, 8, 9, 95, 96, 97, 300] {
      for size in [0, 1, 8, 87, 88, 89, 119, 120, 121, 5000] {
        let key = String(repeating: "k", count: keySize)
        let value = (0..<size).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ keySize) }
        #expect(test.set(key, value).outcome == .done)
        #expect(test.get(key) == value, "\(keySize) \(size)")
      }
    }
    #expect(test.store.isSound())
  }

  @Test func everyKeyComesOnceOverAllShards() throws {
    let test = try TestStore(size: 2 << 20)
    let names = (0..<1000).map { "key-\($0)" }
    for name in names { #expect(test.set(name, [1]).outcome == .done) }
    #expect(test.keys("key-").sorted() == names.sorted())
    #expect(test.keys("key-99").sorted() == (["key-99"] + (990..<1000).map { "key-\($0)" }).sorted())
    for name in names { #expect(test.remove(name) == .done) }
    #expect(test.keys().isEmpty && test.store.isSound())
  }

  @Test func cellsAreUsedAgain() throws {
    let test = try TestStore()
    for round in 0..<2000 { #expect(test.set("key", [UInt8](repeating: 1, count: round % 900)).outcome == .done) }
    #expect(test.set("largest", [UInt8](repeating: 1, count: StoreLayout.maxValue)).outcome == .done)
    #expect(test.store.isSound())
  }

  @Test func whatLivesLeastIsEvictedAndWhatLivesForEverIsNot() throws {
    let test = try TestStore()
    #expect(test.set("for ever", [7]).outcome == .done)
    var evicted = 0
    for number in 0..<5000 {
      let change = test.set(
        "cached-\(number)", [UInt8](repeating: 0, count: 500), lifetime: 3600 * Clock.nanosecondsPerSecond)
      #expect(change.outcome == .done)
      evicted += change.evicted
    }
    #expect(evicted == 5000 - test.keys("cached-").count)
    #expect(test.get("for ever") == [7] && test.store.isSound())
    var outcome = SharedStore.Outcome.done
    for number in 0..<5000 where outcome == .done { outcome = test.set("kept-\(number)", [1, 2]).outcome }
    #expect(outcome == .full)
    #expect(test.get("kept-0") == [1, 2] && test.store.isSound())
  }

  @Test func whatHasExpiredMakesRoom() throws {
    let test = try TestStore()
    for number in 0..<2000 { #expect(test.set("short-\(number)", [], lifetime: 1).outcome == .done) }
    #expect(test.keys().isEmpty)
    let change = test.set("large", [UInt8](repeating: 0, count: StoreLayout.maxValue))
    #expect(change == SharedStore.Change(outcome: .done, evicted: 0))
  }

  @Test func aFileOfAnotherSizeIsNoStore() throws {
    let small = try SharedStore.makeFile(size: 4096)
    #expect(try SharedStore(small.raw) == nil)
    let unsealed = try MemoryFile.empty(name: "test", size: StoreLayout.minSize)
    #expect(try SharedStore(unsealed.raw) == nil)
  }

  /// Whatever another process writes into the memory: calls come back, and read and write nowhere else.
  @Test func anyBytesAreSurvived() throws {
    for seed in UInt64(1)...40 {
      let test = try TestStore()
      var state = seed &* 0x9E37_79B9_7F4A_7C15
      func roll(_ sides: Int) -> Int {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return Int(state % UInt64(sides))
      }
      for number in 0..<400 { _ = test.set("key-\(number)", [UInt8](repeating: 1, count: number)) }
      let heads = 4096 + 64  // behind the lock
      for _ in 0..<30 {
        for _ in 0..<roll(2000) {
          var bytes = UInt32(truncatingIfNeeded: roll(3) == 0 ? roll(3000) : roll(Int.max))
          let offset =
            roll(2) == 0 ? heads + roll(16) * 4 : heads + 64 + roll((StoreLayout.minSize - heads - 64) / 4) * 4
          guard offset + 4 <= StoreLayout.minSize else { continue }
          unsafe pwrite(test.file.raw, &bytes, 4, off_t(offset))
        }
        for number in 0..<50 {
          _ = test.get("key-\(roll(400))")
          _ = test.set(
            "key-\(roll(400))", [UInt8](repeating: 2, count: roll(3000)), lifetime: UInt64(roll(2)) * 1_000_000)
          _ = test.add("count-\(number)", 1)
          _ = test.remove("key-\(roll(400))")
          _ = test.keys("key-1")
        }
      }
    }
  }
}
