import Synchronization

/// Counts times by powers of two: bucket k contains those below 2^(16+k) nanoseconds (65.536 µs · 2^k) that are in no
/// earlier one; the last contains all longer times. The bucket is found by counting leading zeros.
@safe
package struct Histogram {
  package static let buckets = 22
  static let words = buckets + 2

  private let words: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ words: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.words = words }

  /// The upper bound of a bucket in nanoseconds; nil for the last.
  package static func bound(of bucket: Int) -> UInt64? { bucket < buckets - 1 ? 1 << UInt64(16 + bucket) : nil }

  /// Counts `nanoseconds`. Only for a single writing thread.
  package func record(_ nanoseconds: UInt64) {
    let bucket = unsafe words + Self.bucket(nanoseconds)
    unsafe bucket.pointee.store(bucket.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
    let sum = unsafe words + Self.buckets
    unsafe sum.pointee.store(sum.pointee.load(ordering: .relaxed) &+ nanoseconds, ordering: .relaxed)
  }

  /// [any-thread] The same if several threads write.
  package func recordShared(_ nanoseconds: UInt64) {
    unsafe words[Self.bucket(nanoseconds)].wrappingAdd(1, ordering: .relaxed)
    unsafe words[Self.buckets].wrappingAdd(nanoseconds, ordering: .relaxed)
  }

  package func count(in bucket: Int) -> UInt64 { unsafe words[bucket].load(ordering: .relaxed) }
  package var sum: UInt64 { unsafe words[Self.buckets].load(ordering: .relaxed) }

  private static func bucket(_ nanoseconds: UInt64) -> Int {
    min(64 - (nanoseconds >> 16).leadingZeroBitCount, buckets - 1)
  }
}
