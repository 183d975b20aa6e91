import Synchronization

/// The counters of a worker for one plugin: responses by method and status class, and their durations.
@safe
package struct PluginCells {
  /// The methods that are counted separately; the last stands for all others.
  package static let methods: [StaticString] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"]
  /// The index of `other` in `methods`, as a constant since each request uses it.
  package static var otherMethod: Int { 7 }
  /// The status classes; the first is for requests without a response.
  package static let classes: [StaticString] = ["none", "2xx", "3xx", "4xx", "5xx"]

  private static let responseCells = 8 * 5
  static let words = responseCells + Histogram.words

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  package var durations: Histogram { unsafe Histogram(base + Self.responseCells) }

  /// [loop] Counts a request that has ended.
  ///
  /// - Parameter status: the status of the response; 0 if there was none.
  package func ended(method: Int, status: UInt32) {
    let cell = unsafe base + Self.index(method, Self.statusClass(status))
    unsafe cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// [any-thread] The same if several threads write.
  package func endedShared(method: Int, status: UInt32, _ amount: UInt64 = 1) {
    unsafe base[Self.index(method, Self.statusClass(status))].wrappingAdd(amount, ordering: .relaxed)
  }

  /// The index of a status in `classes`.
  private static func statusClass(_ status: UInt32) -> Int { status < 600 ? max(1, Int(status / 100)) - 1 : 0 }

  package func count(method: Int, class statusClass: Int) -> UInt64 {
    unsafe base[Self.index(method, statusClass)].load(ordering: .relaxed)
  }

  private static func index(_ method: Int, _ statusClass: Int) -> Int { (method & 7) * 5 + min(statusClass, 4) }
}
