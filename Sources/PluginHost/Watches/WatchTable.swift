import COutrider
import Glibc
import HTTP
import Platform

/// The descriptors that plugins watch on the worker's loop. Everything belongs to the loop's thread.
///
/// The principle: plugins may close descriptors at any time, and the kernel reuses their numbers. So these descriptors
/// are registered with an epoll instance of their own, which is one descriptor for the loop: whatever happens to them
/// does not affect how the loop waits for clients. The kernel knows whether a number still refers to the registered
/// file, since its registrations are of files. A registration can become impossible to remove, when its file is open
/// elsewhere but under no number of this process. Then the whole instance is replaced by a new one.
package final class WatchTable: @unchecked Sendable {
  package typealias Run = @convention(c) (UnsafeMutableRawPointer?, outrider_status, UInt32) -> Void

  /// The maximum number of watches of a worker.
  static let capacity = Int(OUTRIDER_LOOP_MAX_WATCHES)
  /// The maximum number of calls in one turn of the loop, so that clients get their turn.
  private static let callsPerTurn = 64
  /// Events that are always reported.
  private static let unasked: Epoll.Interest = [.error, .hangUp]
  static let known: Epoll.Interest = [.readable, .priority, .writable, .peerClosed, .error, .hangUp]

  /// A call that is due.
  @safe
  package struct Call {
    let run: Run
    let context: UnsafeMutableRawPointer?
    let why: CallStatus
    let events: UInt32
    /// Nil for a watch that belongs to the worker.
    package let exchange: Exchange?

    package func perform() { unsafe run(context, why.rawValue, events) }
  }

  @safe
  private struct Entry {
    var run: Run?
    var context: UnsafeMutableRawPointer?
    var exchange: Exchange?
    /// The index of the plugin that watches.
    var plugin = 0
    /// -1 once the descriptor is known to have been closed.
    var fd: CInt = -1
    var interest: Epoll.Interest = []
    var epoch: UInt32 = 1
    /// The list of its exchange's watches, or of the worker's.
    var next: Int32 = -1
    var previous: Int32 = -1
  }

  private var entries: [Entry] = []
  private var free: [Int32] = []
  /// The watch that currently has a descriptor's number.
  private var byDescriptor: [CInt: Int32] = [:]
  /// The first watch of each exchange that has any, by handle; 0 for the worker.
  private var first: [UInt64: Int32] = [:]
  private var epoll: Epoll?
  private var count = 0
  private var isClosed = false
  /// An event has occurred on a registration without a watch.
  private var hasStale = false

  init() {}

  // MARK: The plugin's calls

  enum Addition {
    case added(UInt64)
    case ended
    case taken
    case unusable
    case full
    case failed
  }

  /// - Parameters:
  ///   - exchange: the exchange that the watch belongs to; nil for the worker.
  ///   - attach: makes the loop wait for a descriptor; false if it can't.
  ///   - willRun: called with the number before any call can be made.
  func add(
    _ fd: CInt, _ interest: Epoll.Interest, exchange: Exchange?, plugin: Int, run: @escaping Run,
    context: UnsafeMutableRawPointer?, attach: (CInt) -> Bool
  ) -> Addition {
    if isClosed { return .ended }
    guard count < WatchTable.capacity else { return .full }
    guard fd >= 0 else { return .unusable }
    if epoll == nil && !open(attach) { return .failed }
    if let exchange, !exchange.acceptsCallback(exchange.record.epoch.load(ordering: .relaxed)) { return .ended }
    let index = takeFree()
    if let refused = register(fd, interest, index) {
      free.append(index)
      return refused
    }
    // The kernel has accepted the number: the descriptor that had it before has been closed.
    if let former = byDescriptor.updateValue(index, forKey: fd) { entries[Int(former)].fd = -1 }
    unsafe entries[Int(index)].run = run
    unsafe entries[Int(index)].context = context
    entries[Int(index)].exchange = exchange
    entries[Int(index)].plugin = plugin
    entries[Int(index)].fd = fd
    entries[Int(index)].interest = interest
    link(index)
    count += 1
    return .added(number(of: index))
  }

  private func register(_ fd: CInt, _ interest: Epoll.Interest, _ index: Int32) -> Addition? {
    do throws(Errno) {
      try epoll?.add(fd, WatchTable.asked(interest), token: number(of: index))
      return nil
    } catch {
      guard error.isAlreadyThere else { return error.isLackOfRoom ? .failed : .unusable }
      guard byDescriptor[fd] == nil else { return .taken }
      // The file was watched and closed before, and is open again under the same number.
      do throws(Errno) {
        try epoll?.update(fd, WatchTable.asked(interest), token: number(of: index))
        return nil
      } catch {
        return .failed
      }
    }
  }

  /// False if there is no watch with that number, or its descriptor has been closed.
  func change(_ id: UInt64, _ interest: Epoll.Interest, plugin: Int) -> Bool {
    guard let index = find(id, plugin) else { return false }
    let entry = entries[Int(index)]
    guard entry.fd >= 0 else { return false }
    do throws(Errno) {
      try epoll?.update(entry.fd, WatchTable.asked(interest), token: id)
    } catch {
      forgetDescriptor(index)
      return false
    }
    entries[Int(index)].interest = interest
    return true
  }

  /// False if there is no watch with that number.
  func remove(_ id: UInt64, plugin: Int) -> Bool {
    guard let index = find(id, plugin) else { return false }
    _ = end(index)
    return true
  }

  /// A watch without events reports nothing at all: its first error or hang-up disables the registration.
  private static func asked(_ interest: Epoll.Interest) -> Epoll.Interest {
    interest.isEmpty ? .once : interest
  }

  // MARK: The loop

  /// Collects events.
  ///
  /// - Returns: the number of calls that may be due: see `call(at:)`.
  package func collect() -> Int {
    guard let found = epoll?.wait(milliseconds: 0) else { return 0 }
    for index in 0..<found where isStale(index) { hasStale = true }
    return found
  }

  private func isStale(_ index: Int) -> Bool {
    guard let token = epoll?[index].token, let found = find(token) else { return true }
    return entries[Int(found)].fd < 0
  }

  /// The call for an event that `collect` has found; nil if that is no longer watched.
  package func call(at index: Int) -> Call? {
    guard let event = epoll?[index], let found = find(event.token) else { return nil }
    let entry = entries[Int(found)]
    let ready = event.ready.intersection(entry.interest.union(WatchTable.unasked))
    guard entry.fd >= 0, !entry.interest.isEmpty, !ready.isEmpty else { return nil }
    return unsafe Call(
      run: entry.run.unsafelyUnwrapped, context: entry.context, why: .ok, events: ready.rawValue,  // set by add
      exchange: entry.exchange)
  }

  /// Called after the calls. Replaces the epoll instance if it has registrations that can't be removed, and registers
  /// all watches again.
  package func dropStale(_ attach: (CInt) -> Bool) {
    guard hasStale else { return }
    hasStale = false
    var former: Epoll?
    swap(&former, &epoll)
    guard open(attach) else {
      swap(&former, &epoll)
      return
    }
    for (fd, index) in byDescriptor {
      let asked = WatchTable.asked(entries[Int(index)].interest)
      do throws(Errno) {
        // Fails if the number now refers to another file.
        try former?.update(fd, asked, token: number(of: index))
        try epoll?.add(fd, asked, token: number(of: index))
      } catch {
        forgetDescriptor(index)
      }
    }
  }

  /// Ends one watch of an exchange that accepts no further watches.
  package func take(of exchange: Exchange) -> Call? {
    count == 0 ? nil : first[exchange.handle.id].map { end($0) }
  }

  /// Ends any watch when the worker ends. From the first such call on no watch is accepted.
  package func takeAny() -> Call? {
    isClosed = true
    return first.first.map { end($0.value) }
  }

  // MARK: Within

  private func open(_ attach: (CInt) -> Bool) -> Bool {
    guard let made = try? Epoll(capacity: WatchTable.callsPerTurn), attach(made.raw) else { return false }
    epoll = consume made
    return true
  }

  private func number(of index: Int32) -> UInt64 { UInt64(entries[Int(index)].epoch) << 32 | UInt64(index) + 1 }

  private func find(_ id: UInt64) -> Int32? {
    let slot = Int(id & 0xFFFF_FFFF) - 1
    guard slot >= 0 && slot < entries.count, entries[slot].epoch == UInt32(id >> 32), unsafe entries[slot].run != nil
    else { return nil }
    return Int32(slot)
  }

  private func find(_ id: UInt64, _ plugin: Int) -> Int32? {
    find(id).flatMap { entries[Int($0)].plugin == plugin ? $0 : nil }
  }

  private func takeFree() -> Int32 {
    if let index = free.popLast() { return index }
    entries.append(Entry())
    return Int32(entries.count - 1)
  }

  private func forgetDescriptor(_ index: Int32) {
    let fd = entries[Int(index)].fd
    if byDescriptor[fd] == index { byDescriptor[fd] = nil }
    entries[Int(index)].fd = -1
  }

  /// - Returns: the last call of its function, which the caller may make.
  private func end(_ index: Int32) -> Call {
    let entry = entries[Int(index)]
    if entry.fd >= 0 {
      // Has no effect if the number refers to another file.
      epoll?.remove(entry.fd)
      forgetDescriptor(index)
    }
    unlink(index)
    var empty = Entry()
    empty.epoch = entry.epoch &+ 1
    entries[Int(index)] = empty
    free.append(index)
    count -= 1
    return unsafe Call(
      run: entry.run.unsafelyUnwrapped, context: entry.context, why: .closed, events: 0,  // set by add
      exchange: entry.exchange)
  }

  private func owner(of index: Int32) -> UInt64 { entries[Int(index)].exchange?.handle.id ?? 0 }

  private func link(_ index: Int32) {
    let second = first.updateValue(index, forKey: owner(of: index)) ?? -1
    entries[Int(index)].next = second
    if second >= 0 { entries[Int(second)].previous = index }
  }

  private func unlink(_ index: Int32) {
    let entry = entries[Int(index)]
    if entry.next >= 0 { entries[Int(entry.next)].previous = entry.previous }
    if entry.previous >= 0 {
      entries[Int(entry.previous)].next = entry.next
    } else {
      first[owner(of: index)] = entry.next >= 0 ? entry.next : nil
    }
  }
}

extension Errno {
  fileprivate var isAlreadyThere: Bool { code == EEXIST }
  fileprivate var isLackOfRoom: Bool { code == ENOMEM || code == ENOSPC }
}
