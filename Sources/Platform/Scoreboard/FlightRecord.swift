import Glibc
import Synchronization

/// A request that a worker serves now, as whoever looks at the worker from outside needs to know it, above all when the
/// worker is dead. The bytes are written before `start` says that they count; a reader may still see a mixture, and
/// trusts nothing in it.
@safe
package struct FlightRecord {
  static let words = 32
  package static let methodCapacity = 16
  package static let idCapacity = 48
  package static let pathCapacity = 96
  package static let addressCapacity = 48

  private static let lengths = 1
  private static let method = 2
  private static let id = 4
  private static let path = 10
  private static let address = 22
  private static let client = 28

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) { unsafe self.base = base }

  /// [loop] The request has begun.
  ///
  /// - Parameters:
  ///   - start: monotonic nanoseconds; not 0.
  ///   - plugin: its number among the plugins.
  ///   - method: its number among `PluginCells.methods`, the last of which leaves it to `name`.
  ///   - version: of the protocol, as the plugin ABI numbers it.
  ///   - name, id, path: bytes of the request, of which as many as fit are kept. The path is without its query.
  ///   - address, port: the client's.
  ///   - copy: copies so many bytes from the first place to the second: the caller knows how that is done for few.
  @inline(__always)
  package func take(
    start: UInt64, plugin: Int, method: Int, version: UInt32, name: UnsafeBufferPointer<UInt8>,
    id: UnsafeBufferPointer<UInt8>,
    path: UnsafeBufferPointer<UInt8>, address: UnsafeBufferPointer<UInt8>, port: UInt16,
    copy: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>) -> Void
  ) {
    let hasName = method >= PluginCells.otherMethod
    let lengths = (
      hasName ? min(name.count, Self.methodCapacity) : 0, min(id.count, Self.idCapacity),
      min(path.count, Self.pathCapacity)
    )
    if hasName, let bytes = name.baseAddress { unsafe copy(bytes, lengths.0, place(Self.method)) }
    if let bytes = id.baseAddress { unsafe copy(bytes, lengths.1, place(Self.id)) }
    if let bytes = path.baseAddress { unsafe copy(bytes, lengths.2, place(Self.path)) }
    let addressLength = min(address.count, Self.addressCapacity)
    if let bytes = address.baseAddress { unsafe copy(bytes, addressLength, place(Self.address)) }
    let client = UInt64(truncatingIfNeeded: addressLength) | UInt64(port) << 16 | UInt64(version) << 32
    unsafe base[Self.client].store(client, ordering: .relaxed)
    let described =
      UInt64(truncatingIfNeeded: lengths.0 | lengths.1 << 8 | lengths.2 << 16 | (method & 0xFF) << 24)
      | UInt64(truncatingIfNeeded: plugin & 0xFFFF) << 32
    unsafe base[Self.lengths].store(described, ordering: .relaxed)
    unsafe base[0].store(start, ordering: .releasing)
  }

  /// [loop] The request has ended.
  package func release() { unsafe base[0].store(0, ordering: .relaxed) }

  private func place(_ word: Int) -> UnsafeMutablePointer<UInt8> {
    unsafe UnsafeMutableRawPointer(base + word).assumingMemoryBound(to: UInt8.self)  // read as bytes alone
  }

  /// What the record says, or nil if it is free.
  package var flight: Flight? {
    let start = unsafe base[0].load(ordering: .acquiring)
    guard start != 0 else { return nil }
    let lengths = unsafe base[Self.lengths].load(ordering: .relaxed)
    let method = Int(lengths >> 24 & 0xFF)
    let client = unsafe base[Self.client].load(ordering: .relaxed)
    return Flight(
      start: start, plugin: Int(lengths >> 32 & 0xFFFF), methodNumber: min(method, PluginCells.otherMethod),
      method: method < PluginCells.otherMethod
        ? unsafe Array(
          UnsafeBufferPointer(
            start: PluginCells.methods[method].utf8Start, count: PluginCells.methods[method].utf8CodeUnitCount))
        : text(Self.method, lengths, Self.methodCapacity),
      id: text(Self.id, lengths >> 8, Self.idCapacity), path: text(Self.path, lengths >> 16, Self.pathCapacity),
      address: text(Self.address, client, Self.addressCapacity), port: UInt16(truncatingIfNeeded: client >> 16),
      version: UInt32(truncatingIfNeeded: client >> 32))
  }

  private func text(_ word: Int, _ length: UInt64, _ capacity: Int) -> [UInt8] {
    let bytes = unsafe UnsafeRawBufferPointer(
      start: UnsafeRawPointer(base + word), count: min(Int(length & 0xFF), capacity))
    return unsafe Array(bytes)
  }
}

/// A request in flight, as read from a scoreboard: bytes as the client sent them, to be escaped.
package struct Flight: Sendable {
  /// Monotonic nanoseconds.
  package let start: UInt64
  package let plugin: Int
  /// Among `PluginCells.methods`.
  package let methodNumber: Int
  package let method: [UInt8]
  package let id: [UInt8]
  package let path: [UInt8]
  /// The client's; empty over a unix socket.
  package let address: [UInt8]
  package let port: UInt16
  /// Of the protocol, as the plugin ABI numbers it.
  package let version: UInt32
}
