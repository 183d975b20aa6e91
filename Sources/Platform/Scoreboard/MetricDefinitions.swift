import Glibc
import Synchronization

/// The definitions of plugins' metrics in the shared memory of a scoreboard. The master writes them while it loads
/// plugins, and workers while they load their own; each metric is written once. Plugins can write anything, so a reader
/// validates what it reads each time.
@safe
package struct MetricDefinitions: @unchecked Sendable {
  // In 64-bit words.
  private static let headerWords = 8
  private static let nextCount = 0
  private static let nextGauge = 1

  private static let state = 0
  private static let shape = 1
  private static let cell = 2
  private static let lengths = 3
  private static let name = 4
  private static let help = name + MetricDefinition.maxName / 8
  private static let firstLabel = help + MetricDefinition.maxHelp / 8
  private static let labelValue = 1 + MetricDefinition.maxLabelName / 8
  private static let labelWords = labelValue + MetricDefinition.maxLabelValue / 8
  private static let firstBound = firstLabel + MetricDefinition.maxLabels * labelWords
  private static let recordWords = firstBound + MetricDefinition.maxBounds

  static let words = headerWords + MetricDefinition.maxSeries * recordWords

  /// The states of a record.
  private static let free: UInt64 = 0
  private static let claimed: UInt64 = 1
  private static let complete: UInt64 = 2
  private static let abandoned: UInt64 = 3
  /// How long a process may take to complete a record that it has claimed; after that it has died.
  private static let claimTime = 10 * Clock.nanosecondsPerMillisecond

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  /// Memory of this process only, never freed: for loading plugins without a scoreboard.
  package static func unshared() -> MetricDefinitions {
    let bytes = UnsafeMutableRawPointer.allocate(byteCount: words * 8, alignment: 8)
    unsafe bytes.initializeMemory(as: UInt8.self, repeating: 0, count: words * 8)
    return unsafe MetricDefinitions(bytes.bindMemory(to: Atomic<UInt64>.self, capacity: words))
  }

  /// The result of adding a definition.
  package enum Addition: Equatable {
    case added(number: Int, cell: Int)
    /// A metric with that name is of another kind.
    case contradicts
    case full
  }

  /// [master, worker-main] Adds a metric and returns its number. A metric that is already defined in the same way keeps
  /// its number.
  package func add(_ definition: MetricDefinition) -> Addition {
    for number in 0..<MetricDefinition.maxSeries {
      let record = unsafe base + Self.headerWords + number * Self.recordWords
      if unsafe claim(record) {
        guard let cell = allocate(definition) else {
          unsafe record[Self.state].store(Self.abandoned, ordering: .releasing)
          return .full
        }
        unsafe write(definition, cell, to: record)
        unsafe record[Self.state].store(Self.complete, ordering: .releasing)
        return .added(number: number, cell: cell)
      }
      guard let (present, cell) = self[number] else { continue }
      if present == definition { return .added(number: number, cell: cell) }
      if present.name == definition.name && present.kind != definition.kind { return .contradicts }
    }
    return .full
  }

  /// Claims a record; false if it is in use. Waits for another process that has just claimed it.
  private func claim(_ record: UnsafeMutablePointer<Atomic<UInt64>>) -> Bool {
    let (isClaimed, present) = unsafe record[Self.state].compareExchange(
      expected: Self.free, desired: Self.claimed, ordering: .acquiringAndReleasing)
    if isClaimed { return true }
    guard present == Self.claimed else { return false }
    let deadline = Clock.monotonic() &+ Self.claimTime
    while unsafe record[Self.state].load(ordering: .acquiring) == Self.claimed, Clock.monotonic() < deadline {
      Thread.yield()
    }
    return false
  }

  /// Allocates the cells of a metric and returns the first; nil if there are not enough.
  private func allocate(_ definition: MetricDefinition) -> Int? {
    let next = unsafe base + (definition.kind.isGauge ? Self.nextGauge : Self.nextCount)
    let room = UInt64(definition.kind.isGauge ? MetricCells.gauges : MetricCells.counts)
    let count = UInt64(definition.cellCount)
    while true {
      let first = unsafe next.pointee.load(ordering: .relaxed)
      guard first <= room, room - first >= count else { return nil }
      if unsafe next.pointee.compareExchange(
        expected: first, desired: first + count, ordering: .relaxed
      ).exchanged {
        return Int(first)
      }
    }
  }

  private func write(_ definition: MetricDefinition, _ cell: Int, to record: UnsafeMutablePointer<Atomic<UInt64>>) {
    let shape =
      UInt64(definition.plugin & 0xFFFF) | UInt64(definition.kind.rawValue) << 16
      | UInt64(definition.labels.count) << 24 | UInt64(definition.bounds.count) << 32
    unsafe record[Self.shape].store(shape, ordering: .relaxed)
    unsafe record[Self.cell].store(UInt64(cell), ordering: .relaxed)
    let lengths = UInt64(definition.name.utf8.count) | UInt64(definition.help.utf8.count) << 8
    unsafe record[Self.lengths].store(lengths, ordering: .relaxed)
    unsafe put(definition.name, at: record + Self.name, MetricDefinition.maxName)
    unsafe put(definition.help, at: record + Self.help, MetricDefinition.maxHelp)
    for (index, label) in definition.labels.enumerated() {
      let words = unsafe record + Self.firstLabel + index * Self.labelWords
      let lengths = UInt64(label.name.utf8.count) | UInt64(label.value.utf8.count) << 8
      unsafe words.pointee.store(lengths, ordering: .relaxed)
      unsafe put(label.name, at: words + 1, MetricDefinition.maxLabelName)
      unsafe put(label.value, at: words + Self.labelValue, MetricDefinition.maxLabelValue)
    }
    for (index, bound) in definition.bounds.enumerated() {
      unsafe record[Self.firstBound + index].store(bound.bitPattern, ordering: .relaxed)
    }
  }

  private func put(_ text: String, at words: UnsafeMutablePointer<Atomic<UInt64>>, _ limit: Int) {
    let bytes = Array(text.utf8.prefix(limit))
    unsafe memcpy(UnsafeMutableRawPointer(words), bytes, bytes.count)
  }

  /// The metric with that number and its first cell; nil if there is none, or it breaks a rule.
  package subscript(_ number: Int) -> (definition: MetricDefinition, cell: Int)? {
    guard (0..<MetricDefinition.maxSeries).contains(number) else { return nil }
    let record = unsafe base + Self.headerWords + number * Self.recordWords
    guard unsafe record[Self.state].load(ordering: .acquiring) == Self.complete else { return nil }
    let shape = unsafe record[Self.shape].load(ordering: .relaxed)
    let lengths = unsafe record[Self.lengths].load(ordering: .relaxed)
    guard let kind = MetricDefinition.Kind(rawValue: UInt8(truncatingIfNeeded: shape >> 16)) else { return nil }
    let labelCount = Int(UInt8(truncatingIfNeeded: shape >> 24))
    let boundCount = Int(UInt8(truncatingIfNeeded: shape >> 32))
    guard labelCount <= MetricDefinition.maxLabels, boundCount <= MetricDefinition.maxBounds else { return nil }
    let labels = (0..<labelCount).map { index in
      let words = unsafe record + Self.firstLabel + index * Self.labelWords
      let lengths = unsafe words.pointee.load(ordering: .relaxed)
      return MetricDefinition.Label(
        name: unsafe text(words + 1, lengths, MetricDefinition.maxLabelName),
        value: unsafe text(words + Self.labelValue, lengths >> 8, MetricDefinition.maxLabelValue))
    }
    let definition = MetricDefinition(
      plugin: Int(UInt16(truncatingIfNeeded: shape)), kind: kind,
      name: unsafe text(record + Self.name, lengths, MetricDefinition.maxName),
      help: unsafe text(record + Self.help, lengths >> 8, MetricDefinition.maxHelp), labels: labels,
      bounds: (0..<boundCount).map { index in
        Double(bitPattern: unsafe record[Self.firstBound + index].load(ordering: .relaxed))
      })
    let cell = unsafe record[Self.cell].load(ordering: .relaxed)
    let room = kind.isGauge ? MetricCells.gauges : MetricCells.counts
    guard definition.objection == nil, cell < UInt64(room), Int(cell) + definition.cellCount <= room else { return nil }
    return (definition, Int(cell))
  }

  /// All valid metrics.
  package var all: [(definition: MetricDefinition, cell: Int)] {
    // If the first record is free, there are none.
    if unsafe base[Self.headerWords + Self.state].load(ordering: .relaxed) == Self.free { return [] }
    return (0..<MetricDefinition.maxSeries).compactMap { self[$0] }
  }

  private func text(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ length: UInt64, _ limit: Int) -> String {
    let count = min(Int(length & 0xFF), limit)
    let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(words), count: count)
    return unsafe String(decoding: Array(bytes), as: UTF8.self)
  }
}
