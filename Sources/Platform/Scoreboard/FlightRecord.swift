import Glibc
import Synchronization

/// The description of a request in flight for other processes, above all after the worker has died. The bytes are
/// written before `start` makes them valid. A reader may still see a mixture of two requests, and trusts nothing in it.
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

  /// [loop] Begins the record of a request.
  ///
  /// - Parameters:
  ///   - start: monotonic nanoseconds; not 0.
  ///   - plugin: the index of the plugin.
  ///   - method: the index in `PluginCells.methods`; the last one means that `name` has the method.
  ///   - name, id, path: bytes of the request, truncated to the room of the record. The path has no query.
  ///   - copy: copies bytes; passed by the caller, which has a fast copy for short runs.
  @inline(__always)
  package func begin(
    start: UInt64, plugin: Int, method: Int, name: UnsafeBufferPointer<UInt8>, id: UnsafeBufferPointer<UInt8>,
    path: UnsafeBufferPointer<UInt8>,
    copy: (UnsafePointer<UInt8>, Int, UnsafeMutablePointer<UInt8>) -> Void
  ) {
    let hasName = method >= PluginCells.otherMethod
    let lengths = (
      hasName ? min(name.count, Self.methodCapacity) : 0, min(id.count, Self.idCapacity),
      min(path.count, Self.pathCapacity)
    )
    if hasName, let bytes = name.baseAddress { unsafe copy(bytes, lengths.0, pointer(at: Self.method)) }
    if let bytes = id.baseAddress { unsafe copy(bytes, lengths.1, pointer(at: Self.id)) }
    if let bytes = path.baseAddress { unsafe copy(bytes, lengths.2, pointer(at: Self.path)) }
    let described =
      UInt64(truncatingIfNeeded: lengths.0 | lengths.1 << 8 | lengths.2 << 16 | (method & 0xFF) << 24)
      | UInt64(truncatingIfNeeded: plugin & 0xFFFF) << 32
    unsafe base[Self.lengths].store(described, ordering: .relaxed)
    unsafe base[0].store(start, ordering: .releasing)
  }

  /// [loop] Records the client; called before `begin`.
  ///
  /// - Parameters:
  ///   - version: the protocol version, as a number of the plugin ABI.
  ///   - address, port: the client's. The address is truncated to the room of the record.
  package func describeClient(version: UInt32, address: UnsafeBufferPointer<UInt8>, port: UInt16) {
    let length = min(address.count, Self.addressCapacity)
    if let bytes = address.baseAddress { unsafe pointer(at: Self.address).update(from: bytes, count: length) }
    let client = UInt64(truncatingIfNeeded: length) | UInt64(port) << 16 | UInt64(version) << 32
    unsafe base[Self.client].store(client, ordering: .relaxed)
  }

  /// [loop] Ends the record of a request.
  package func release() { unsafe base[0].store(0, ordering: .relaxed) }

  private func pointer(at word: Int) -> UnsafeMutablePointer<UInt8> {
    unsafe UnsafeMutableRawPointer(base + word).assumingMemoryBound(to: UInt8.self)  // read as bytes alone
  }

  /// The content of the record, or nil if it is free.
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

/// A request in flight as read from a scoreboard. The bytes are the client's and have to be escaped.
package struct Flight: Sendable {
  /// Monotonic nanoseconds.
  package let start: UInt64
  package let plugin: Int
  /// The index in `PluginCells.methods`.
  package let methodNumber: Int
  package let method: [UInt8]
  package let id: [UInt8]
  package let path: [UInt8]
  /// The client's address; empty over a unix socket.
  package let address: [UInt8]
  package let port: UInt16
  /// The protocol version, as a number of the plugin ABI.
  package let version: UInt32
}
