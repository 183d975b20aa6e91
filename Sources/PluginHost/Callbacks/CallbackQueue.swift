import COutrider
import HTTP
import Platform
import Synchronization

/// Posts and timers of plugins: functions to be called on the loop, exactly once each.
///
/// A post is a timer for the current moment. The heap is ordered by moment and then by arrival, so that posts run in
/// the order of their calls. Any thread adds and cancels, under one lock; only the loop takes calls out and runs them.
package final class CallbackQueue: @unchecked Sendable {
  // Every access to the state below is under `monitor`.
  package typealias Run = @convention(c) (UnsafeMutableRawPointer?, outrider_status) -> Void

  /// The maximum number of waiting calls.
  package static let capacity = 65_536

  /// A call that is due.
  @safe
  package struct Call {
    let run: Run
    let context: UnsafeMutableRawPointer?
    let why: CallStatus

    package func perform() { unsafe run(context, why.rawValue) }
  }

  @safe
  private struct Entry {
    var run: Run?
    var context: UnsafeMutableRawPointer?
    var exchange: Exchange?
    var why = CallStatus.ok
    var moment: UInt64 = 0
    var order: UInt64 = 0
    var epoch: UInt32 = 1
    var heapIndex = -1
    var next: Int32 = -1
    var previous: Int32 = -1
  }

  private let monitor = Monitor()
  private var entries: [Entry] = []
  private var free: [Int32] = []
  private var heap: [Int32] = []
  private var orders: UInt64 = 0
  /// The loop's current moment, which posts get: they run after timers that are due.
  private var present: UInt64 = 0
  private var isClosed = false
  private let publishedDeadline = Atomic<UInt64>(.max)

  // MARK: Any thread

  enum Addition {
    case added
    case full
    case exchangeEnded
  }

  /// Adds a call at `moment` (monotonic nanoseconds; nil: soon), for an exchange or for the worker itself.
  ///
  /// - Parameters:
  ///   - timer: where to store the timer's number.
  ///   - epoch: the epoch of the exchange that the caller refers to, which may have ended meanwhile.
  func add(
    at moment: UInt64?, exchange: Exchange?, epoch: UInt32, run: @escaping Run,
    context: UnsafeMutableRawPointer?, timer: UnsafeMutablePointer<UInt64>?
  ) -> Addition {
    monitor.lock()
    defer { monitor.unlock() }
    if isClosed { return .exchangeEnded }
    if let exchange, !exchange.acceptsCallback(epoch) { return .exchangeEnded }
    guard heap.count < CallbackQueue.capacity else { return .full }
    let index = takeFree()
    let slot = Int(index)
    unsafe entries[slot].run = run
    unsafe entries[slot].context = context
    entries[slot].exchange = exchange
    entries[slot].why = .ok
    entries[slot].moment = moment ?? present
    entries[slot].order = orders
    orders += 1
    if let exchange { link(index, to: exchange) }
    heap.append(index)
    entries[slot].heapIndex = heap.count - 1
    siftUp(heap.count - 1)
    // Stored before the loop can see the entry, since the call may come at once.
    if let timer = unsafe timer {
      unsafe timer.pointee = UInt64(entries[slot].epoch) << 32 | UInt64(index) + 1
    }
    publish()
    return .added
  }

  /// Makes a timer due at once, with the status of a cancelled one; false if there is no such timer.
  func cancel(_ timer: UInt64) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    let slot = Int(timer & 0xFFFF_FFFF) - 1
    guard slot >= 0 && slot < entries.count, entries[slot].epoch == UInt32(timer >> 32),
      entries[slot].heapIndex >= 0, entries[slot].why == .ok
    else { return false }
    entries[slot].why = .cancelled
    entries[slot].moment = present
    siftUp(entries[slot].heapIndex)
    publish()
    return true
  }

  // MARK: The loop

  /// When the next call is due; `.max` for never. Takes no lock: a thread that changes it wakes the loop.
  package var nextDeadline: UInt64 { publishedDeadline.load(ordering: .acquiring) }

  /// A mark in the order of arrival: entries that are added later come after it.
  package var mark: UInt64 {
    monitor.lock()
    defer { monitor.unlock() }
    return orders
  }

  /// Removes the next call that is due at `now` and was added before `mark`, so that a turn ends.
  package func takeDue(at now: UInt64, before mark: UInt64) -> Call? {
    monitor.lock()
    defer { monitor.unlock() }
    present = now
    guard let first = heap.first, entries[Int(first)].moment <= now, entries[Int(first)].order < mark else {
      return nil
    }
    return take(first, why: nil)
  }

  /// Removes one call of an exchange whose gate is closed. Another thread adds a call only with the lock held and the
  /// gate open.
  package func take(of exchange: Exchange) -> Call? {
    monitor.lock()
    defer { monitor.unlock() }
    let first = exchange.record.firstCallback
    return first < 0 ? nil : take(first, why: .closed)
  }

  /// Removes any call when the worker ends. From the first such call on the queue accepts nothing.
  package func takeAny() -> Call? {
    monitor.lock()
    defer { monitor.unlock() }
    isClosed = true
    return heap.first.map { take($0, why: .closed) }
  }

  // MARK: With the lock held

  /// Called after every change of the heap.
  private func publish() {
    publishedDeadline.store(heap.isEmpty ? .max : entries[Int(heap[0])].moment, ordering: .releasing)
  }

  private func takeFree() -> Int32 {
    if let index = free.popLast() { return index }
    entries.append(Entry())
    return Int32(entries.count - 1)
  }

  private func take(_ index: Int32, why ended: CallStatus?) -> Call {
    let slot = Int(index)
    let entry = entries[slot]
    removeFromHeap(entry.heapIndex)
    publish()
    if let exchange = entry.exchange { unlink(index, from: exchange) }
    var empty = Entry()
    empty.epoch = entry.epoch &+ 1
    entries[slot] = empty
    free.append(index)
    let why = entry.why == .ok ? ended ?? .ok : entry.why
    return unsafe Call(run: entry.run.unsafelyUnwrapped, context: entry.context, why: why)  // set by add
  }

  private func link(_ index: Int32, to exchange: Exchange) {
    let last = exchange.record.lastCallback
    entries[Int(index)].next = -1
    entries[Int(index)].previous = last
    if last >= 0 { entries[Int(last)].next = index } else { exchange.record.firstCallback = index }
    exchange.record.lastCallback = index
  }

  private func unlink(_ index: Int32, from exchange: Exchange) {
    let (next, previous) = (entries[Int(index)].next, entries[Int(index)].previous)
    if previous >= 0 { entries[Int(previous)].next = next } else { exchange.record.firstCallback = next }
    if next >= 0 { entries[Int(next)].previous = previous } else { exchange.record.lastCallback = previous }
  }

  private func comesBefore(_ a: Int32, _ b: Int32) -> Bool {
    let (x, y) = (entries[Int(a)], entries[Int(b)])
    return x.moment == y.moment ? x.order < y.order : x.moment < y.moment
  }

  private func place(_ index: Int32, at position: Int) {
    heap[position] = index
    entries[Int(index)].heapIndex = position
  }

  private func siftUp(_ start: Int) {
    var position = start
    let index = heap[position]
    while position > 0, comesBefore(index, heap[(position - 1) / 2]) {
      place(heap[(position - 1) / 2], at: position)
      position = (position - 1) / 2
    }
    place(index, at: position)
  }

  private func siftDown(_ start: Int) {
    var position = start
    let index = heap[position]
    while true {
      var child = 2 * position + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, comesBefore(heap[child + 1], heap[child]) { child += 1 }
      guard comesBefore(heap[child], index) else { break }
      place(heap[child], at: position)
      position = child
    }
    place(index, at: position)
  }

  private func removeFromHeap(_ position: Int) {
    let last = heap.removeLast()
    guard position < heap.count else { return }
    place(last, at: position)
    siftDown(position)
    siftUp(entries[Int(last)].heapIndex)
  }
}
