import HTTP
import Memory
import Platform

/// The connections of a worker: a fixed number of records, made when first needed and reused.
@safe
struct ConnectionTable: ~Copyable {
  /// The longest textual address.
  private static var addressCapacity: Int { Peer.hostCapacity }

  private var records: Slab<ConnectionRecord>
  private let addresses: UnsafeMutablePointer<UInt8>
  /// The maximum number of connections served at once.
  let capacity: Int
  /// The additional number of lingering connections; 0 if they count against `capacity`.
  private let lingeringCapacity: Int
  private var lingering = 0
  private(set) var count = 0
  /// The subjects of client certificates that proxies have reported, by slot. Few connections have one.
  private var subjects: [Int32: UnsafeMutableBufferPointer<UInt8>] = unsafe [:]
  /// The decoders of chunked bodies that nobody reads, by slot, for connections whose side ends with such a body.
  private var unreadBodies: [Int32: BodyDecoder] = [:]

  init(capacity: Int, lingering lingeringCapacity: Int = 0) {
    self.capacity = capacity
    self.lingeringCapacity = lingeringCapacity
    records = Slab(capacity: capacity + lingeringCapacity)
    unsafe addresses = .allocate(capacity: (capacity + lingeringCapacity) * ConnectionTable.addressCapacity)
  }

  subscript(_ slot: Int) -> Connection { records[slot] }

  var isFull: Bool { count - lingering >= capacity }

  /// Lingering connections have a limit of their own, and it is reached.
  var isFullOfLingering: Bool { lingeringCapacity > 0 && lingering == lingeringCapacity }

  /// Counts a connection that begins to linger.
  mutating func beginLingering() {
    if lingeringCapacity > 0 { lingering += 1 }
  }

  /// The connection that an event's token stands for; nil if it has ended.
  func find(_ token: UInt64) -> Connection? {
    guard let connection = records.find(Int(token & 0xFFFF_FFFF)) else { return nil }
    let isCurrent = connection.record.epoch == UInt32(token >> 32) && connection.record.phase != .free
    return isCurrent ? connection : nil
  }

  /// Every open connection.
  func visit(_ body: (Connection) -> Void) {
    for slot in 0..<records.made where self[slot].record.phase != .free { body(self[slot]) }
  }

  mutating func open(_ fd: CInt, listener: Int, peer: Peer) -> Connection? {
    guard let connection = records.take({ ConnectionRecord(slot: $0) }) else { return nil }
    count += 1
    connection.record.fd = fd
    connection.move(.accepted)
    // `isQueued` is kept: the record may still be in the loop's ready list from its last use.
    connection.record.flags = [.writable]
    connection.record.sentBefore = connection.record.output.sent
    connection.record.sentByThreads.store(0, ordering: .relaxed)
    connection.record.failure = .closed
    connection.record.rest = 0
    connection.record.listener = UInt16(listener)
    connection.record.clientPort = peer.port
    connection.record.clientAddressCount = unsafe UInt8(peer.writeHost(to: textAddress(connection)))
    return connection
  }

  /// Sets the client's address as text.
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

  /// Sets the subject of the certificate that the client showed to the proxy.
  mutating func setSubject(_ connection: Connection, _ text: [UInt8]) {
    dropSubject(connection)
    let copy = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
    _ = unsafe copy.initialize(from: text)
    unsafe subjects[connection.record.slot] = copy
  }

  /// That subject; empty if there is none.
  func subject(_ connection: Connection) -> Bytes {
    guard let text = unsafe subjects[connection.record.slot], let base = text.baseAddress else { return .empty }
    return unsafe Bytes(base: UnsafePointer(base), count: text.count)
  }

  private mutating func dropSubject(_ connection: Connection) {
    if let text = unsafe subjects.removeValue(forKey: connection.record.slot) { unsafe text.deallocate() }
  }

  mutating func setUnreadBody(_ connection: Connection, _ decoder: BodyDecoder?) {
    unreadBodies[connection.record.slot] = decoder
  }

  /// Decodes more of an unread body. True if the body ends, except for trailers, or if its end can no longer be found.
  mutating func endsUnreadBody(_ connection: Connection, _ bytes: Bytes) -> Bool {
    guard var decoder = unreadBodies[connection.record.slot], let base = unsafe bytes.base else { return false }
    var seen = 0
    while true {
      switch unsafe decoder.decode(base + seen, count: bytes.count - seen) {
      case .bytes(let offset, let length): seen += offset + length
      case .needInput:
        unreadBodies[connection.record.slot] = decoder
        return false
      case .end:
        unreadBodies[connection.record.slot] = nil
        return true
      case .refused(let refusal):
        unreadBodies[connection.record.slot] = nil
        return refusal != .bodyTooLarge
      }
    }
  }

  /// Frees the record for another connection.
  mutating func close(_ connection: Connection) {
    if !connection.record.flags.isDisjoint(with: [.toldSecure, .toldInsecure]) { dropSubject(connection) }
    if connection.record.rest == .max { unreadBodies[connection.record.slot] = nil }
    connection.record.tls = nil
    if connection.record.tlsDescription != nil { connection.record.tlsDescription = nil }
    ConnectedSocket.close(connection.record.fd)
    connection.record.fd = -1
    if lingeringCapacity > 0 && connection.record.phase == .lingering { lingering -= 1 }
    connection.move(.closed)
    // The top bit stays 0: tokens with it set are the loop's own.
    connection.record.epoch = (connection.record.epoch &+ 1) & 0x7FFF_FFFF
    connection.record.deadline = .max
    connection.record.outputDeadline = .max
    connection.record.phaseDeadline = .max
    connection.record.plugin = -1
    records.give(connection.record.slot)
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
