import COutrider
import HTTP
import Memory
import Platform
import Synchronization

/// One request and its response as a plugin sees it, for all styles, worker models and protocols.
///
/// Records come from a table that lives as long as the worker, so that a stale handle finds a record with another epoch, never
/// freed memory. Who may access what:
/// - `epoch`, `sendLock`, `handler`, `cancellation` are atomic;
/// - `response` belongs to the thread that holds the send lock (event style) or runs the handler (blocking style);
/// - everything else belongs to the loop, which sets it up before the plugin learns of the exchange.
@usableFromInline
package typealias Exchange = Pinned<ExchangeRecord>

extension Exchange {
  /// The handle that the plugin holds.
  @inlinable
  package var handle: outrider_exchange {
    outrider_exchange(id: UInt64(record.epoch.load(ordering: .relaxed)) << 32 | UInt64(record.slot) + 1)
  }
}

/// What is known of the client's side of the connection while the response is made.
package enum PeerClose: UInt8, Sendable {
  case none
  /// The client sends no more. It has closed the connection, or waits for the response.
  case halfClosed
  /// The client is gone. The response is still sent if possible.
  case gone
}

/// The lock that serializes sending calls: the exchange's epoch, and below it one of the states. A stale handle never acquires
/// it.
enum SendLock {
  static let free: UInt64 = 0
  /// A sending call of the plugin.
  static let sender: UInt64 = 1
  /// The host, which makes no calls meanwhile.
  static let host: UInt64 = 2

  static func number(_ epoch: UInt32, _ state: UInt64) -> UInt64 { UInt64(epoch) << 2 | state }
}

@safe
@usableFromInline
package struct ExchangeRecord: ~Copyable {
  @usableFromInline package let slot: UInt32
  /// Odd while the exchange is open. Incremented when it opens and when it ends.
  @usableFromInline package let epoch = Atomic<UInt32>(0)
  /// A `SendLock`: held by the thread that is inside a sending call, or briefly by the host.
  let sendLock = Atomic<UInt64>(SendLock.free)
  /// The context of the thread that is inside handle(), as a number; 0 for none.
  let handler = Atomic<UInt>(0)
  /// 0, or the `CallStatus` that says why the response is cancelled.
  package let cancellation = Atomic<Int32>(0)

  /// What is known of the client's side, as a `PeerClose`.
  let peerClose = Atomic<UInt8>(PeerClose.none.rawValue)

  package var head = unsafe outrider_head()
  package var plugin: Plugin
  package var transport: UnsafePointer<ExchangeTransport>
  /// The request's record, for the functions of the transport.
  package var transportContext: UnsafeMutableRawPointer
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
  /// The WebSocket that the plugin has accepted, and whether there is one: other threads see it once this is true.
  package var webSocket: WebSocket?
  package let isWebSocket = Atomic<Bool>(false)
  /// When the first informational response went out, in monotonic nanoseconds; 0 if none has.
  var firstHintAt: UInt64 = 0
  /// Timers and posts that belong to it: the first in the callback queue's list, -1 for none. The queue's lock guards
  /// this and the next.
  var firstCallback: Int32 = -1
  var lastCallback: Int32 = -1
  /// Whether calls may be added, and have been, in `CallbackGate`'s terms.
  let callbackGate = Atomic<UInt64>(0)
  /// The rule that the last refused call has broken, until it is logged.
  ///
  /// Locked: calls of a plugin's threads may be refused at the same time, whatever the exchange is in.
  let brokenRule = Mutex<BrokenRule?>(nil)

  init(
    slot: UInt32, plugin: Plugin, transport: UnsafePointer<ExchangeTransport>, transportContext: UnsafeMutableRawPointer
  ) {
    self.slot = slot
    self.plugin = plugin
    unsafe self.transport = transport
    unsafe self.transportContext = unsafe transportContext
    response = ResponseState(
      version: .http11, traits: [], hints: EarlyHintPolicy(allowed: false, maxPerRequest: 0, maxBytes: 0))
  }
}

// MARK: Life

extension Exchange {
  /// [loop] Begins the next epoch. Only the loop writes it, so that the addition need not be atomic.
  ///
  /// Nobody holds the send lock then; the lock of the former epoch ends here.
  func advanceEpoch() {
    let epoch = record.epoch.load(ordering: .relaxed) &+ 1
    record.epoch.store(epoch, ordering: .releasing)
    record.sendLock.store(SendLock.number(epoch, SendLock.free), ordering: .releasing)
  }

  enum LockResult {
    case acquired
    /// Another thread is inside a sending call.
    case busy
    /// The exchange of that epoch has ended.
    case ended
  }

  /// [any-thread] Acquires the send lock of an epoch for a sending call. Waits for the host, which holds it only briefly.
  @inline(__always)
  func tryLockSending(_ epoch: UInt32) -> LockResult {
    while true {
      let (exchanged, present) = exchangeSendLock(epoch, for: SendLock.sender)
      if exchanged { return .acquired }
      if present >> 2 != UInt64(epoch) { return .ended }
      if present & 3 == SendLock.sender { return .busy }
      Thread.yield()
    }
  }

  @inline(__always)
  private func exchangeSendLock(
    _ epoch: UInt32, for holder: UInt64
  ) -> (exchanged: Bool, original: UInt64) {
    record.sendLock.compareExchange(
      expected: SendLock.number(epoch, SendLock.free), desired: SendLock.number(epoch, holder),
      successOrdering: .acquiring, failureOrdering: .relaxed)
  }

  /// Releases the send lock of this epoch.
  @inline(__always)
  func unlockSending(_ epoch: UInt32) {
    record.sendLock.store(SendLock.number(epoch, SendLock.free), ordering: .releasing)
  }

  /// [any-thread] Acquires the send lock of an epoch for the host. Waits: a holder is inside a call that does not block.
  ///
  /// - Returns: false if the exchange of that epoch has ended.
  func lockSending(_ epoch: UInt32) -> Bool {
    while true {
      let (exchanged, present) = exchangeSendLock(epoch, for: SendLock.host)
      if exchanged { return true }
      if present >> 2 != UInt64(epoch) { return false }
      Thread.yield()
    }
  }

  /// [loop] The same for the present epoch, which can't end meanwhile. The lock is nearly always free.
  @inline(__always)
  package func lockSending() {
    let epoch = record.epoch.load(ordering: .relaxed)
    if !exchangeSendLock(epoch, for: SendLock.host).exchanged { waitForSendLock(epoch) }
  }

  @inline(never)
  private func waitForSendLock(_ epoch: UInt32) { _ = lockSending(epoch) }

  /// Releases the lock: the exchange can't have ended meanwhile.
  package func unlockSending() { unlockSending(record.epoch.load(ordering: .relaxed)) }

  /// [loop] Waits until no thread is inside a sending call.
  package func waitForSender() {
    while record.sendLock.load(ordering: .acquiring) & 3 != SendLock.free { Thread.yield() }
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

  /// Cancels the response; blocked calls and `cancelled` return the reason.
  package func cancel(_ why: CallStatus) {
    _ = record.cancellation.compareExchange(
      expected: 0, desired: why.rawValue, ordering: .acquiringAndReleasing)
  }

  /// A part of the response can't reach the client: further calls are told so, whatever this part was to be.
  @inline(never)
  package func lose() -> CallStatus {
    cancel(.closed)
    return .closed
  }

  /// Records what is known of the client. It never goes back to an earlier state.
  package func recordPeerClose(_ peerClose: PeerClose) {
    _ = record.peerClose.max(peerClose.rawValue, ordering: .acquiringAndReleasing)
  }

  /// Whether the client is gone; `cancelled` reports it to a handler.
  package var isPeerClosed: Bool { record.peerClose.load(ordering: .acquiring) == PeerClose.gone.rawValue }

  /// Whether the client is gone, or has closed its sending side, which can mean the same.
  package var mayPeerBeClosed: Bool { record.peerClose.load(ordering: .acquiring) != PeerClose.none.rawValue }

  /// Why the response is cancelled, or nil.
  package var cancelled: CallStatus? {
    let raw = record.cancellation.load(ordering: .acquiring)
    return raw == 0 ? nil : CallStatus(rawValue: raw)
  }

  /// Returns why a call is refused: the exchange is cancelled, or past its deadline even if that is not recorded yet; else nil.
  /// For the holder of the send lock, the handler's thread and the loop: for others the exchange can end meanwhile.
  var refusal: CallStatus? {
    if let why = cancelled { return why }
    let deadline = unsafe record.head.deadline_ns
    guard deadline != 0, Clock.monotonic() >= deadline else { return nil }
    cancel(.cancelled)
    return cancelled
  }

  /// [any-thread] What the log shows of the request; nil if the exchange of `handle` has ended or is locked.
  func logDetails(of handle: outrider_exchange) -> String? { whileOpen(handle) { logDetails } }

  /// [any-thread] Likewise, with the rule that the last refused call has broken.
  func describeCall(of handle: outrider_exchange, _ outcome: CallStatus) -> (details: String, rule: String?)? {
    whileOpen(handle) {
      let fault = record.brokenRule.withLock { $0.take() }
      return (logDetails, fault?.outcome == outcome ? fault?.rule : nil)
    }
  }

  /// [any-thread] Forgets the rule that the last refused call has broken.
  func forgetBrokenRule() { record.brokenRule.withLock { $0 = nil } }

  /// [any-thread] Calls `body` while the exchange of `handle` can't end; nil if it has ended.
  func whileOpen<Result>(_ handle: outrider_exchange, _ body: () -> Result) -> Result? {
    let isOwn = isInHandler || Runtime.current?.isOnLoop == true
    if isOwn { return body() }
    // While the send lock is held, the exchange can't end. A sending call that holds it can be the caller.
    let epoch = UInt32(truncatingIfNeeded: handle.id >> 32)
    for _ in 0..<100 {
      let (exchanged, present) = exchangeSendLock(epoch, for: SendLock.host)
      if exchanged {
        defer { unlockSending(epoch) }
        return body()
      }
      if present >> 2 != UInt64(epoch) { return nil }
      Thread.yield()
    }
    return nil
  }
}
