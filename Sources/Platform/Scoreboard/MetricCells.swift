import Synchronization

/// A worker's values of plugins' metrics. Written by any thread of the worker, read by other processes.
@safe
package struct MetricCells: @unchecked Sendable {
  /// The number of words for all counters and histograms together.
  package static let counts = 1024
  /// The number of gauges, which belong to the worker and end with it.
  package static let gauges = 128
  static let words = counts + gauges

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  // MARK: Writing to allocated cells

  package func count(_ cell: Int, _ amount: UInt64) {
    precondition(cell >= 0 && cell < Self.counts)
    unsafe base[cell].wrappingAdd(amount, ordering: .relaxed)
  }

  package func set(gauge: Int, _ value: Double) {
    precondition(gauge >= 0 && gauge < Self.gauges)
    unsafe base[Self.counts + gauge].store(~value.bitPattern, ordering: .relaxed)
  }

  package func change(gauge: Int, by amount: Double) {
    precondition(gauge >= 0 && gauge < Self.gauges)
    unsafe Self.update(base + Self.counts + gauge) { word in
      ~((word == 0 ? 0 : Double(bitPattern: ~word)) + amount).bitPattern
    }
  }

  /// - Parameters:
  ///   - bucket: the index in the buckets that begin at `cell`.
  ///   - bounds: the number of the histogram's bounds; the sum is after its last bucket.
  package func observe(_ cell: Int, bucket: Int, bounds: Int, _ value: Double) {
    precondition(cell >= 0 && bucket >= 0 && bucket <= bounds && cell + bounds + 1 < Self.counts)
    unsafe base[cell + bucket].wrappingAdd(1, ordering: .relaxed)
    unsafe Self.update(base + cell + bounds + 1) { (Double(bitPattern: $0) + value).bitPattern }
  }

  private static func update(_ word: UnsafeMutablePointer<Atomic<UInt64>>, _ change: (UInt64) -> UInt64) {
    var present = unsafe word.pointee.load(ordering: .relaxed)
    while true {
      let (exchanged, original) = unsafe word.pointee.weakCompareExchange(
        expected: present, desired: change(present), ordering: .relaxed)
      if exchanged { return }
      present = original
    }
  }

  // MARK: Reading

  package func count(_ cell: Int) -> UInt64 {
    (0..<Self.counts).contains(cell) ? unsafe base[cell].load(ordering: .relaxed) : 0
  }

  package func sum(_ cell: Int) -> Double { Double(bitPattern: count(cell)) }

  /// Nil if this worker has not set the gauge.
  package func gauge(_ gauge: Int) -> Double? {
    guard (0..<Self.gauges).contains(gauge) else { return nil }
    let word = unsafe base[Self.counts + gauge].load(ordering: .relaxed)
    return word == 0 ? nil : Double(bitPattern: ~word)
  }

  /// [master] Clears the gauges for the next worker.
  func clearGauges() {
    // Pages that were never used remain unused.
    for gauge in 0..<Self.gauges where unsafe base[Self.counts + gauge].load(ordering: .relaxed) != 0 {
      unsafe base[Self.counts + gauge].store(0, ordering: .relaxed)
    }
  }
}
