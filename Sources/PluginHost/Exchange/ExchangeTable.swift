import COutrider
import HTTP
import Memory
import Platform
import Synchronization

/// The exchanges of a worker: a fixed number of records, made when first needed, reused, and never freed.
@safe
package struct ExchangeTable: ~Copyable {
  private var records: Slab<ExchangeRecord>

  package init(capacity: Int) { records = Slab(capacity: capacity) }

  package var capacity: Int { records.capacity }

  /// [loop] Opens an exchange for a new request; nil if all records are in use.
  @inline(__always)
  package mutating func open(
    plugin: Plugin, transport: UnsafePointer<ExchangeTransport>, transportContext: UnsafeMutableRawPointer
  ) -> Exchange? {
    let taken = records.take { slot in
      unsafe ExchangeRecord(
        slot: UInt32(slot), plugin: plugin, transport: transport, transportContext: transportContext)
    }
    guard let exchange = taken else { return nil }
    exchange.record.plugin = plugin
    unsafe exchange.record.transport = transport
    unsafe exchange.record.transportContext = transportContext
    exchange.advanceEpoch()
    exchange.openCallbackGate()
    return exchange
  }

  /// [loop] Ends an exchange: its handle becomes stale. Waits for a thread that is inside a call on it.
  package mutating func close(_ exchange: Exchange) {
    exchange.lockSending()
    exchange.record.peerClose.store(PeerClose.none.rawValue, ordering: .relaxed)
    exchange.record.cancellation.store(0, ordering: .relaxed)
    exchange.record.credit.store(0, ordering: .relaxed)
    exchange.record.bodyDelivered.store(false, ordering: .relaxed)
    exchange.record.requestTrailers = .none
    if exchange.record.isWebSocket.load(ordering: .relaxed) { exchange.removeWebSocket() }
    unsafe exchange.record.instance = nil
    if HostileMemory.isOn { exchange.poisonHead() }
    exchange.advanceEpoch()
    records.give(Int32(exchange.record.slot))
  }

  /// [any-thread] The open exchange of a handle. It may end at any moment unless the caller is the loop, holds the send
  /// lock, or runs its handler.
  package func find(_ handle: outrider_exchange) -> Exchange? {
    guard let exchange = records.find(Int(handle.id & 0xFFFF_FFFF) - 1) else { return nil }
    let epoch = UInt32(handle.id >> 32)
    guard epoch & 1 == 1, exchange.record.epoch.load(ordering: .acquiring) == epoch else { return nil }
    return exchange
  }
}
