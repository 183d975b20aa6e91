/// The division of a shared store's memory: a header, the heads of its shards, their buckets, their cells.
///
/// Everything is derived from the size, which is sealed: no number is read from the memory, which every worker can
/// write.
package struct StoreLayout: Sendable, Equatable {
  /// Changed with every change of the layout: a store with another layout is not shared.
  package static let version = 1
  /// The first word of a prepared store.
  static let magic: UInt64 = 0x6F75_7473_746F_7265

  package static let maxKey = 512
  package static let maxValue = 65_536

  // MARK: A shard

  static let cells = 2048
  static let cellSize = 128
  /// Bits of a hash that choose the bucket within a shard.
  static let bucketBits = 11
  static let buckets = 1 << bucketBits
  static let headSize = 128
  private static let shardSize = headSize + buckets * 4 + cells * cellSize
  private static let headerSize = 4096

  /// The minimum size of a store.
  package static let minSize = headerSize + shardSize

  package let byteCount: Int
  let shards: Int

  /// Nil if a store can't have that size.
  package init?(byteCount: Int) {
    guard byteCount >= StoreLayout.minSize else { return nil }
    self.byteCount = byteCount
    shards = (byteCount - StoreLayout.headerSize) / StoreLayout.shardSize
  }

  /// The offsets of a shard's head, its buckets and its cells.
  func offsets(of shard: Int) -> (head: Int, buckets: Int, cells: Int) {
    let heads = StoreLayout.headerSize
    let buckets = heads + shards * StoreLayout.headSize
    let cells = buckets + shards * StoreLayout.buckets * 4
    return (
      heads + shard * StoreLayout.headSize, buckets + shard * StoreLayout.buckets * 4,
      cells + shard * StoreLayout.cells * StoreLayout.cellSize
    )
  }

  /// The shard and the bucket of a hash. Shards, and buckets within them, are in the order of hashes.
  func place(of hash: UInt64) -> (shard: Int, bucket: Int) {
    let (shard, rest) = hash.multipliedFullWidth(by: UInt64(shards))
    return (Int(shard), Int(rest >> UInt64(64 - StoreLayout.bucketBits)))
  }
}
