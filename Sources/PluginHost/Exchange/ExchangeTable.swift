import COutrider
import HTTP
import Platform
import Synchronization

/// The exchanges of a worker: a fixed number of records, made when first needed, used again, never freed.
@safe
package struct ExchangeTable: ~Copyable {
  private let records: UnsafeMutablePointer<ExchangeRecord>
  package let capacity: Int
  /// How many records have been made; read by any thread, written by the loop.
  private let made = Atomic<Int>(0)
  private var firstFree: Int32 = -1

  package init(capacity: Int) {
    self.capacity = capacity
    // Untouched pages cost nothing until their records are made.
    unsafe records = .allocate(capacity: capacity)
  }

  /// [loop] An exchange for a new request, open from here on; nil when all are in use.
  @inline(__always)
  package mutating func open(
    plugin: Plugin, transport: UnsafePointer<ExchangeTransport>, connection: UnsafeMutableRawPointer
  ) -> Exchange? {
    if firstFree < 0 || HostileMemory.isOn && made.load(ordering: .relaxed) < capacity,
      unsafe !make(plugin, transport, connection)
    {
      return nil
    }
    let exchange = unsafe Exchange(records + Int(firstFree))
    firstFree = exchange.record.nextFree
    exchange.record.plugin = plugin
    unsafe exchange.record.transport = transport
    unsafe exchange.record.connection = connection
    exchange.moveOn()
    exchange.openToCallbacks()
    return exchange
  }

  /// One more record, the first free one; false if there are as many as there may be.
  @inline(never)
  private mutating func make(
    _ plugin: Plugin, _ transport: UnsafePointer<ExchangeTransport>, _ connection: UnsafeMutableRawPointer
  ) -> Bool {
    let slot = made.load(ordering: .relaxed)
    guard slot < capacity else { return false }
    unsafe (records + slot).initialize(
      to: ExchangeRecord(slot: UInt32(slot), plugin: plugin, transport: transport, connection: connection))
    unsafe records[slot].nextFree = firstFree
    made.store(slot + 1, ordering: .releasing)
    firstFree = Int32(slot)
    return true
  }

  /// [loop] Ends an exchange: from here on its handle is stale. Waits for a thread that is inside a call on it.
  package mutating func close(_ exchange: Exchange) {
    exchange.claim()
    exchange.record.departed.store(false, ordering: .relaxed)
    exchange.record.cancellation.store(0, ordering: .relaxed)
    exchange.record.credit.store(0, ordering: .relaxed)
    exchange.record.bodyDelivered.store(false, ordering: .relaxed)
    exchange.record.requestTrailers = .none
    unsafe exchange.record.instance = nil
    if HostileMemory.isOn { exchange.poisonHead() }
    exchange.moveOn()
    exchange.record.nextFree = firstFree
    firstFree = Int32(exchange.record.slot)
  }

  /// [any-thread] The open exchange of a handle. It may end at any moment unless the caller is the loop, holds the send
  /// right, or runs its handler.
  package func find(_ handle: outrider_exchange) -> Exchange? {
    let slot = Int(handle.id & 0xFFFF_FFFF) - 1
    guard slot >= 0 && slot < made.load(ordering: .acquiring) else { return nil }
    let exchange = unsafe Exchange(records + slot)
    let generation = UInt32(handle.id >> 32)
    guard generation & 1 == 1, exchange.record.generation.load(ordering: .acquiring) == generation else { return nil }
    return exchange
  }
}
