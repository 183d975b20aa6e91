import Glibc
import Synchronization

/// The reports of a worker's plugins: heartbeats of their threads, and whether the plugins are ready. Plugins can write
/// anything: a reader bounds and escapes the content.
@safe
package struct HealthCells: @unchecked Sendable {
  // Each word is atomic, except the bytes of names and reasons.
  package static let maxThreads = 16
  package static let maxName = 32
  package static let maxReason = 96

  private static let threadWords = 8
  /// The words of a thread; the name begins at the last of these.
  private static let busySince = 0
  private static let owner = 1
  private static let name = 2
  private static let readyWords = 16
  private static let notReady = 0
  private static let reason = 1

  static func words(plugins: Int) -> Int { maxThreads * threadWords + plugins * readyWords }

  private let base: UnsafeMutablePointer<Atomic<UInt64>>
  private let plugins: Int

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>, plugins: Int) {
    unsafe self.base = base
    self.plugins = plugins
  }

  // MARK: Threads

  /// [any-thread] Takes a free slot for a thread of a plugin; nil if there is none.
  package func add(plugin: Int, name: [UInt8], now: UInt64) -> Int? {
    for number in 0..<Self.maxThreads {
      let thread = unsafe base + number * Self.threadWords
      let owner = UInt64(plugin + 1) | UInt64(min(name.count, Self.maxName)) << 32
      guard
        unsafe thread[Self.owner].compareExchange(expected: 0, desired: owner, ordering: .acquiringAndReleasing)
          .exchanged
      else { continue }
      unsafe memcpy(UnsafeMutableRawPointer(thread + Self.name), name, min(name.count, Self.maxName))
      beat(number, now)
      return number
    }
    return nil
  }

  /// [any-thread] Records a heartbeat; `now` is 0 for a thread that waits for work.
  package func beat(_ number: Int, _ now: UInt64) {
    precondition(number >= 0 && number < Self.maxThreads)
    unsafe base[number * Self.threadWords + Self.busySince].store(now, ordering: .relaxed)
  }

  package func remove(_ number: Int) {
    beat(number, 0)
    unsafe base[number * Self.threadWords + Self.owner].store(0, ordering: .releasing)
  }

  /// A thread that is watched.
  package struct Watched: Sendable {
    /// The last heartbeat in monotonic nanoseconds; 0 while the thread waits for work.
    package let busySince: UInt64
    package let plugin: Int
    package let name: [UInt8]
  }

  package var threads: [Watched] {
    (0..<Self.maxThreads).compactMap { number in
      let thread = unsafe base + number * Self.threadWords
      let owner = unsafe thread[Self.owner].load(ordering: .acquiring)
      guard owner != 0 else { return nil }
      return Watched(
        busySince: unsafe thread[Self.busySince].load(ordering: .relaxed),
        plugin: Int(owner & 0xFFFF) - 1, name: unsafe bytes(thread + Self.name, owner >> 32, Self.maxName))
    }
  }

  // MARK: Readiness

  /// [any-thread] Records whether a plugin is ready, with the reason if it is not.
  package func setReady(_ plugin: Int, _ isReady: Bool, reason: [UInt8]) {
    guard plugin >= 0, plugin < plugins else { return }
    let words = unsafe base + Self.maxThreads * Self.threadWords + plugin * Self.readyWords
    let count = min(reason.count, Self.maxReason)
    unsafe memcpy(UnsafeMutableRawPointer(words + Self.reason), reason, count)
    unsafe words[Self.notReady].store(isReady ? 0 : 1 | UInt64(count) << 32, ordering: .releasing)
  }

  /// The first plugin that is not ready, with its reason; nil if all are.
  package var unready: (plugin: Int, reason: [UInt8])? {
    for plugin in 0..<plugins {
      let words = unsafe base + Self.maxThreads * Self.threadWords + plugin * Self.readyWords
      let state = unsafe words[Self.notReady].load(ordering: .acquiring)
      if state != 0 { return (plugin, unsafe bytes(words + Self.reason, state >> 32, Self.maxReason)) }
    }
    return nil
  }

  // MARK: Reuse

  /// [master] Clears the cells for the next worker.
  func clear() {
    for number in 0..<Self.maxThreads { remove(number) }
    for plugin in 0..<plugins { setReady(plugin, true, reason: []) }
  }

  private func bytes(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ count: UInt64, _ limit: Int) -> [UInt8] {
    unsafe Array(UnsafeRawBufferPointer(start: UnsafeRawPointer(words), count: min(Int(count & 0xFFFF), limit)))
  }
}
