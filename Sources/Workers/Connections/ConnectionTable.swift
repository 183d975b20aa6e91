import HTTP
import Platform

/// The connections of a worker: a fixed number of records, made when first needed and used again.
@safe
struct ConnectionTable: ~Copyable {
  /// The longest textual address.
  private static var addressCapacity: Int { Peer.hostCapacity }

  private let records: UnsafeMutablePointer<ConnectionRecord>
  private let addresses: UnsafeMutablePointer<UInt8>
  let capacity: Int
  private var made = 0
  private var firstFree: Int32 = -1
  private(set) var count = 0

  init(capacity: Int) {
    self.capacity = capacity
    unsafe records = .allocate(capacity: capacity)
    unsafe addresses = .allocate(capacity: capacity * ConnectionTable.addressCapacity)
  }

  subscript(_ slot: Int) -> Connection {
    precondition(slot >= 0 && slot < made)
    return unsafe Connection(address: records + slot)
  }

  var isFull: Bool { count == capacity }

  /// The connection that an event's token stands for; nil if it has ended.
  func find(_ token: UInt64) -> Connection? {
    let slot = Int(token & 0xFFFF_FFFF)
    guard slot < made else { return nil }
    let connection = self[slot]
    let isCurrent = connection.record.generation == UInt32(token >> 32) && connection.record.phase != .free
    return isCurrent ? connection : nil
  }

  /// Every open connection.
  func visit(_ body: (Connection) -> Void) {
    for slot in 0..<made where self[slot].record.phase != .free { body(self[slot]) }
  }

  mutating func open(_ fd: CInt, listener: Int, peer: Peer) -> Connection? {
    let connection: Connection
    if firstFree >= 0 && !(HostileMemory.isOn && made < capacity) {
      connection = self[Int(firstFree)]
      firstFree = connection.record.nextFree
    } else {
      guard made < capacity else { return nil }
      unsafe (records + made).initialize(to: ConnectionRecord(slot: Int32(made)))
      made += 1
      connection = self[made - 1]
    }
    count += 1
    connection.record.fd = fd
    connection.record.phase = .idle
    // `isQueued` stays: it may stand in the loop's list still, from its last use.
    connection.record.flags = [.writable]
    connection.record.sentBefore = connection.record.output.sent
    connection.record.sentByThreads.store(0, ordering: .relaxed)
    connection.record.failure = .closed
    connection.record.listener = UInt16(listener)
    connection.record.clientPort = peer.port
    connection.record.clientAddressCount = unsafe UInt8(peer.writeHost(to: textAddress(connection)))
    return connection
  }

  /// Who the client is, in words.
  func setClient(_ connection: Connection, host: String, port: UInt16) {
    let address = unsafe textAddress(connection)
    var host = host
    connection.record.clientPort = port
    connection.record.clientAddressCount = host.withUTF8 { text in
      let count = min(text.count, ConnectionTable.addressCapacity)
      if let base = text.baseAddress { unsafe address.update(from: base, count: count) }
      return UInt8(count)
    }
  }

  /// The record's next use is another connection.
  mutating func close(_ connection: Connection) {
    connection.record.tls = nil
    Connections.close(connection.record.fd)
    connection.record.fd = -1
    connection.record.phase = .free
    // The top bit stays free: with it set, a token could be taken for one of the loop's own.
    connection.record.generation = (connection.record.generation &+ 1) & 0x7FFF_FFFF
    connection.record.deadline = .max
    connection.record.lookDeadline = .max
    connection.record.nextFree = firstFree
    firstFree = connection.record.slot
    count -= 1
  }

  /// The client's address as text, without port; empty on a unix socket.
  func clientAddress(_ connection: Connection) -> Bytes {
    unsafe Bytes(base: textAddress(connection), count: Int(connection.record.clientAddressCount))
  }

  private func textAddress(_ connection: Connection) -> UnsafeMutablePointer<UInt8> {
    unsafe addresses + Int(connection.record.slot) * ConnectionTable.addressCapacity
  }
}
