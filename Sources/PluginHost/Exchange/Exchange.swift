import COutrider
import HTTP
import Platform
import Synchronization

/// One request and its answer as a plugin sees it, whatever the style, worker model and protocol.
///
/// Records come from a table that lives as long as the worker, so that a stale handle finds a record whose generation
/// has moved on, never freed memory. Who may touch what:
/// - `generation`, `sendRight`, `handler`, `cancellation` are atomic;
/// - `response` belongs to whoever holds the send right (event style) or runs the handler (blocking style);
/// - everything else belongs to the loop, which sets it up before the plugin learns of the exchange.
@safe
@usableFromInline
package struct Exchange {
  @usableFromInline package let address: UnsafeMutablePointer<ExchangeRecord>

  @inlinable
  package var record: ExchangeRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  @inlinable
  package init(_ address: UnsafeMutablePointer<ExchangeRecord>) { unsafe self.address = address }

  @inlinable
  package init(raw: UnsafeMutableRawPointer) {
    unsafe address = raw.assumingMemoryBound(to: ExchangeRecord.self)
  }

  @inlinable
  package var raw: UnsafeMutableRawPointer { unsafe UnsafeMutableRawPointer(address) }

  /// The handle that the plugin holds.
  @inlinable
  package var handle: outrider_exchange {
    outrider_exchange(id: UInt64(record.generation.load(ordering: .relaxed)) << 32 | UInt64(record.slot) + 1)
  }
}

/// Who has the right to send.
enum SendRight {
  static let free: UInt8 = 0
  /// A sending call of the plugin's.
  static let sender: UInt8 = 1
  /// The host, which calls nobody meanwhile.
  static let host: UInt8 = 2
}

@safe
@usableFromInline
package struct ExchangeRecord: ~Copyable {
  @usableFromInline package let slot: UInt32
  /// Odd while the exchange is open; moves on when it opens and when it ends.
  @usableFromInline package let generation = Atomic<UInt32>(0)
  /// Held by the one thread that is inside a sending call, or for a moment by the host itself: a `SendRight`.
  let sendRight = Atomic<UInt8>(SendRight.free)
  /// The context of the thread that is inside handle(), as a number; 0 for none.
  let handler = Atomic<UInt>(0)
  /// 0, or the `Outcome` that says why the answer is not wanted any more.
  package let cancellation = Atomic<Int32>(0)

  /// The client has closed its side: the answer may not be wanted, and goes out if it can.
  let departed = Atomic<Bool>(false)

  package var head = unsafe outrider_head()
  package var plugin: Plugin
  package var transport: UnsafePointer<ExchangeTransport>
  /// The driver's record of the connection or stream.
  package var connection: UnsafeMutableRawPointer
  package var response: ResponseState
  package var traits: RequestTraits = []
  package var isBlocking = false
  /// The plugin's own record of it, from open().
  package var instance: UnsafeMutableRawPointer?
  /// REQUEST events that the plugin allows; changed by any thread.
  package let credit = Atomic<UInt32>(0)
  /// The whole body, and trailers if any, have been delivered; read by any thread.
  package let bodyDelivered = Atomic<Bool>(false)
  package var requestTrailers = Fields.none
  /// When the first informational response went out, in monotonic nanoseconds; 0 if none has.
  var firstHintAt: UInt64 = 0
  /// Timers and posts that belong to it: the first in the callback queue's list, -1 for none. The queue's lock guards
  /// this and the next.
  var firstCallback: Int32 = -1
  var lastCallback: Int32 = -1
  /// Whether calls may be added, and have been, in `CallbackGate`'s terms.
  let callbackGate = Atomic<UInt64>(0)
  var nextFree: Int32 = -1

  init(slot: UInt32, plugin: Plugin, transport: UnsafePointer<ExchangeTransport>, connection: UnsafeMutableRawPointer) {
    self.slot = slot
    self.plugin = plugin
    unsafe self.transport = transport
    unsafe self.connection = unsafe connection
    response = ResponseState(
      version: .http11, traits: [], hints: EarlyHintPolicy(allowed: false, maxPerRequest: 0, maxBytes: 0))
  }
}

// MARK: Life

extension Exchange {
  /// [loop] The next generation, odd or even in turn; the loop alone writes it, so that no addition has to be atomic.
  func moveOn() {
    let generation = record.generation.load(ordering: .relaxed)
    record.generation.store(generation &+ 1, ordering: .releasing)
  }

  /// Takes the send right for a sending call; false at once if another thread is inside one. The host is waited for: it
  /// has the right for a moment, and that is no fault of who sends.
  func tryClaim() -> Bool {
    while true {
      let (exchanged, holder) = exchangeSendRight(for: SendRight.sender)
      if exchanged { return true }
      if holder == SendRight.sender { return false }
      Thread.yield()
    }
  }

  @inline(__always)
  private func exchangeSendRight(for holder: UInt8) -> (exchanged: Bool, original: UInt8) {
    record.sendRight.compareExchange(
      expected: SendRight.free, desired: holder, successOrdering: .acquiring, failureOrdering: .relaxed)
  }

  func yieldClaim() { record.sendRight.store(SendRight.free, ordering: .releasing) }

  /// For the host itself, which waits: a holder is inside a call that does not block.
  package func claim() {
    while !exchangeSendRight(for: SendRight.host).exchanged { Thread.yield() }
  }

  package func releaseClaim() { yieldClaim() }

  /// Waits until nobody is inside a call that does not block.
  package func awaitHolder() {
    while record.sendRight.load(ordering: .acquiring) != SendRight.free { Thread.yield() }
  }

  /// Marks the calling thread as the one inside handle().
  package func enterHandler() {
    unsafe record.handler.store(UInt(bitPattern: Thread.context), ordering: .releasing)
  }

  package func leaveHandler() { record.handler.store(0, ordering: .releasing) }

  var isInHandler: Bool {
    let context = unsafe UInt(bitPattern: Thread.context)
    return context != 0 && record.handler.load(ordering: .acquiring) == context
  }

  /// From now on the answer is not wanted; blocked calls and `cancelled` say why.
  package func cancel(_ why: Outcome) {
    _ = record.cancellation.compareExchange(
      expected: 0, desired: why.rawValue, ordering: .acquiringAndReleasing)
  }

  /// The client seems to have left; `cancelled` says so to a handler that asks.
  package func noteDeparture() { record.departed.store(true, ordering: .releasing) }

  package var hasDeparted: Bool { record.departed.load(ordering: .acquiring) }

  /// Why the answer is not wanted any more, or nil.
  package var cancelled: Outcome? {
    let raw = record.cancellation.load(ordering: .acquiring)
    return raw == 0 ? nil : Outcome(rawValue: raw)
  }

  /// Why an act that comes now is refused, or nil: the answer is not wanted any more, or its deadline has passed, which
  /// nobody may have had the time to note. For who holds the send right, runs the handler, or is the loop: for others the
  /// exchange may end meanwhile, and the note be the next one's.
  var refusal: Outcome? {
    if let why = cancelled { return why }
    let deadline = unsafe record.head.deadline_ns
    guard deadline != 0, Clock.monotonic() >= deadline else { return nil }
    cancel(.cancelled)
    return cancelled
  }

  /// [any-thread] The request's id as the log shows it; nil if the exchange of `handle` has ended, or others are at it.
  func requestIDText(of handle: outrider_exchange) -> String? {
    let isOwn = isInHandler || Runtime.current?.isOnLoop == true
    if isOwn { return requestID.escaped() }
    // While the send right is held, the exchange can't end. A sending call that holds it may be what calls here.
    for _ in 0..<100 {
      guard exchangeSendRight(for: SendRight.host).exchanged else {
        Thread.yield()
        continue
      }
      defer { yieldClaim() }
      return self.handle.id == handle.id ? requestID.escaped() : nil
    }
    return nil
  }
}
