import COutrider
import HTTP
import Platform

/// `outrider_host.head`, `.tls`, `.cancelled`, `.receive`.
enum HostExchange {
  static func head(_ handle: outrider_exchange) -> UnsafePointer<outrider_head>? {
    guard let exchange = Runtime.current?.record.exchanges.find(handle) else { return nil }
    let record = unsafe exchange.address
    return unsafe withUnsafePointer(to: &record.pointee.head) { unsafe $0 }  // records never move
  }

  static func tls(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange
  ) -> UnsafePointer<outrider_tls>? {
    guard let runtime = Runtime.current, let exchange = runtime.record.exchanges.find(handle) else { return nil }
    guard exchange.isInHandler || runtime.isOnLoop else {
      unsafe runtime.record.misuse.note("tls", .wrongThread, plugin: HostTable.plugin(host), exchange: handle)
      return nil
    }
    let table = unsafe exchange.record.transport.pointee.describeTLS(exchange.raw)
    return unsafe table.map { unsafe UnsafePointer($0.assumingMemoryBound(to: outrider_tls.self)) }
  }

  static func cancelled(_ handle: outrider_exchange) -> Int32 {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return CallStatus.closed.rawValue }
    let isInHandler = exchange.isInHandler
    if isInHandler { unsafe exchange.record.transport.pointee.checkPeerClosed(exchange.raw) }
    let why = isInHandler || runtime.isOnLoop ? exchange.refusal : exchange.cancelled
    if let why { return why.rawValue }
    return exchange.isPeerClosed ? CallStatus.closed.rawValue : 0
  }

  static func receive(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ credit: UInt32
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return CallStatus.closed.rawValue }
    // Waits for a thread that is inside send(), which does not block. Then the exchange can't end meanwhile.
    let outcome: CallStatus
    if exchange.lockSending(UInt32(truncatingIfNeeded: handle.id >> 32)) {
      outcome = allow(exchange, credit)
      exchange.unlockSending()
    } else {
      outcome = .closed
    }
    if outcome.isMisuse {
      unsafe runtime.record.misuse.note(
        "receive", outcome, plugin: HostTable.plugin(host), exchange: handle,
        rule: outcome == .invalid ? "credit is 0" : outcome == .wrongState ? "the body has been delivered whole" : nil)
    }
    return outcome.rawValue
  }

  private static func allow(_ exchange: Exchange, _ credit: UInt32) -> CallStatus {
    if exchange.record.isBlocking { return .unsupported }
    if let why = exchange.cancelled { return why }
    if exchange.record.bodyDelivered.load(ordering: .acquiring) { return .wrongState }
    guard credit > 0 else { return .invalid }
    let maximum: UInt32 = 65_535
    var present = exchange.record.credit.load(ordering: .relaxed)
    while true {
      let sum = min(maximum, present &+ min(credit, maximum))
      let (exchanged, original) = exchange.record.credit.weakCompareExchange(
        expected: present, desired: sum, ordering: .acquiringAndReleasing)
      if exchanged { break }
      present = original
    }
    unsafe exchange.record.transport.pointee.wakeLoop(exchange.raw)
    return .ok
  }
}
