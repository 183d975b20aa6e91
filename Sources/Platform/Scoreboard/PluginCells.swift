import Synchronization

/// What a worker counts for one plugin: answers by method and class of status, and how long they took.
@safe
package struct PluginCells {
  /// Methods that are told apart; every other is the last.
  package static let methods: [StaticString] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "other"]
  /// The number of those that have none: the last of `methods`, said once more since each request asks.
  package static var otherMethod: Int { 7 }
  /// Answers of 2xx to 5xx; the first is requests that ended without an answer.
  package static let classes: [StaticString] = ["none", "2xx", "3xx", "4xx", "5xx"]

  private static let answers = 8 * 5
  static let words = answers + Histogram.words

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  package var durations: Histogram { unsafe Histogram(base + Self.answers) }

  /// [loop] Counts a request that has ended.
  ///
  /// - Parameter status: of the answer; 0 if there was none.
  package func ended(method: Int, status: UInt32) {
    let cell = unsafe base + Self.index(method, Self.answer(status))
    unsafe cell.pointee.store(cell.pointee.load(ordering: .relaxed) &+ 1, ordering: .relaxed)
  }

  /// [any-thread] Likewise, where several threads write.
  package func endedShared(method: Int, status: UInt32, _ amount: UInt64 = 1) {
    unsafe base[Self.index(method, Self.answer(status))].wrappingAdd(amount, ordering: .relaxed)
  }

  /// The place of a status among `classes`.
  private static func answer(_ status: UInt32) -> Int { status < 600 ? max(1, Int(status / 100)) - 1 : 0 }

  package func count(method: Int, class answer: Int) -> UInt64 {
    unsafe base[Self.index(method, answer)].load(ordering: .relaxed)
  }

  private static func index(_ method: Int, _ answer: Int) -> Int { (method & 7) * 5 + min(answer, 4) }
}
