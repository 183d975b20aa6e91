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

/// Who has the right to send: the exchange's generation, and below it one of the states. So whoever comes with a stale
/// handle takes nothing, not for a moment.
enum SendRight {
  static let free: UInt64 = 0
  /// A sending call of the plugin's.
  static let sender: UInt64 = 1
  /// The host, which calls nobody meanwhile.
  static let host: UInt64 = 2

  static func number(_ generation: UInt32, _ state: UInt64) -> UInt64 { UInt64(generation) << 2 | state }
}

@safe
@usableFromInline
package struct ExchangeRecord: ~Copyable {
  @usableFromInline package let slot: UInt32
  /// Odd while the exchange is open; moves on when it opens and when it ends.
  @usableFromInline package let generation = Atomic<UInt32>(0)
  /// Held by the one thread that is inside a sending call, or for a moment by the host itself: a `SendRight`.
  let sendRight = Atomic<UInt64>(SendRight.free)
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
  /// What was wrong with the call that was refused last, until it is told.
  var callFault: (outcome: Outcome, rule: String)?

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
  ///
  /// Nobody has the send right then: that of the former generation ends here.
  func moveOn() {
    let generation = record.generation.load(ordering: .relaxed) &+ 1
    record.generation.store(generation, ordering: .releasing)
    record.sendRight.store(SendRight.number(generation, SendRight.free), ordering: .releasing)
  }

  enum Claim {
    case taken
    /// Another thread is inside a sending call.
    case busy
    /// The exchange of that generation has ended.
    case ended
  }

  /// [any-thread] Takes the send right of a generation for a sending call. The host is waited for: it has the right for a
  /// moment, and that is no fault of who sends.
  @inline(__always)
  func tryClaim(_ generation: UInt32) -> Claim {
    while true {
      let (exchanged, present) = exchangeSendRight(generation, for: SendRight.sender)
      if exchanged { return .taken }
      if present >> 2 != UInt64(generation) { return .ended }
      if present & 3 == SendRight.sender { return .busy }
      Thread.yield()
    }
  }

  @inline(__always)
  private func exchangeSendRight(
    _ generation: UInt32, for holder: UInt64
  ) -> (exchanged: Bool, original: UInt64) {
    record.sendRight.compareExchange(
      expected: SendRight.number(generation, SendRight.free), desired: SendRight.number(generation, holder),
      successOrdering: .acquiring, failureOrdering: .relaxed)
  }

  /// Gives the right back that was taken of this generation.
  @inline(__always)
  func yieldClaim(_ generation: UInt32) {
    record.sendRight.store(SendRight.number(generation, SendRight.free), ordering: .releasing)
  }

  /// [any-thread] Takes the send right of a generation for the host, which waits: a holder is inside a call that does not
  /// block. False if the exchange of that generation has ended.
  func claim(_ generation: UInt32) -> Bool {
    while true {
      let (exchanged, present) = exchangeSendRight(generation, for: SendRight.host)
      if exchanged { return true }
      if present >> 2 != UInt64(generation) { return false }
      Thread.yield()
    }
  }

  /// [loop] The same for the present generation, which can't end meanwhile. Nearly always nobody has the right.
  @inline(__always)
  package func claim() {
    let generation = record.generation.load(ordering: .relaxed)
    if !exchangeSendRight(generation, for: SendRight.host).exchanged { awaitClaim(generation) }
  }

  @inline(never)
  private func awaitClaim(_ generation: UInt32) { _ = claim(generation) }

  /// Gives back what `claim` took: the exchange can't have ended since.
  package func releaseClaim() { yieldClaim(record.generation.load(ordering: .relaxed)) }

  /// [loop] Waits until nobody is inside a call that does not block.
  package func awaitHolder() {
    while record.sendRight.load(ordering: .acquiring) & 3 != SendRight.free { Thread.yield() }
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
  func requestIDText(of handle: outrider_exchange) -> String? { whileOpen(handle) { requestID.escaped() } }

  /// [any-thread] Likewise, and what was wrong with the call that was refused last.
  func describeCall(of handle: outrider_exchange, _ outcome: Outcome) -> (id: String, rule: String?)? {
    whileOpen(handle) {
      let fault = record.callFault.take()
      return (requestID.escaped(), fault?.outcome == outcome ? fault?.rule : nil)
    }
  }

  private func whileOpen<Result>(_ handle: outrider_exchange, _ body: () -> Result) -> Result? {
    let isOwn = isInHandler || Runtime.current?.isOnLoop == true
    if isOwn { return body() }
    // While the send right is held, the exchange can't end. A sending call that holds it may be what calls here.
    let generation = UInt32(truncatingIfNeeded: handle.id >> 32)
    for _ in 0..<100 {
      let (exchanged, present) = exchangeSendRight(generation, for: SendRight.host)
      if exchanged {
        defer { yieldClaim(generation) }
        return body()
      }
      if present >> 2 != UInt64(generation) { return nil }
      Thread.yield()
    }
    return nil
  }
}
