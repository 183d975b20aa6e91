import HTTP
import Memory

/// The memory that a request's views point into, besides the connection's buffer. It does not move while the request
/// lasts. Parts that few requests need are freed with the request.
@safe
struct RequestStorage {
  private let limits: RequestLimits
  let fields: UnsafeMutablePointer<Field>
  /// The request id, followed by room for a client's IPv4 address.
  let id: UnsafeMutablePointer<UInt8>
  private var path: UnsafeMutablePointer<UInt8>?
  private var pathCapacity = 0
  private var trailers: UnsafeMutablePointer<Field>?
  private var trailerSection: Buffer?
  /// Reads the trailer section that ends a body in chunks; nil before it begins.
  var trailerParser: TrailerParser?
  /// Some memory is to be freed with the request.
  private var isLarge = HostileMemory.isOn

  /// The capacity for a path that is kept between uses.
  private static let keptPath = 1024
  private static let longestIPv4 = 15

  init(limits: RequestLimits) {
    self.limits = limits
    unsafe fields = .allocate(capacity: RequestStorage.fieldCapacity(limits))
    unsafe id = .allocate(capacity: RequestStorage.idCapacity)
    unsafe path = nil
    unsafe trailers = nil
  }

  /// A stream's Host may be added to its fields.
  private static func fieldCapacity(_ limits: RequestLimits) -> Int { limits.fields + 1 }

  private static var idCapacity: Int { RequestIDs.length + longestIPv4 }

  /// A copy of a client's IPv4 address, valid until `reset`. Called at most once for each request.
  func clientAddress(_ text: String) -> Bytes {
    let room = unsafe id + RequestIDs.length
    var count = 0
    for byte in text.utf8.prefix(RequestStorage.longestIPv4) {
      unsafe room[count] = byte
      count += 1
    }
    return unsafe Bytes(base: room, count: count)
  }

  /// Room for a decoded path of up to `count` bytes, valid until `reset`. Called at most once for each request.
  mutating func pathRoom(_ count: Int) -> UnsafeMutablePointer<UInt8> {
    if let path = unsafe path, count <= pathCapacity { return unsafe path }
    freePath()
    pathCapacity = HostileMemory.isOn ? count : max(count, RequestStorage.keptPath)
    if pathCapacity > RequestStorage.keptPath { isLarge = true }
    let room = UnsafeMutablePointer<UInt8>.allocate(capacity: pathCapacity)
    unsafe path = room
    return unsafe room
  }

  mutating func trailerFields() -> UnsafeMutablePointer<Field> {
    if unsafe trailers == nil { unsafe trailers = .allocate(capacity: limits.fields) }
    isLarge = true
    return unsafe trailers.unsafelyUnwrapped
  }

  /// The buffer in which a trailer section is gathered; large enough for the longest.
  mutating func trailerBuffer() -> Buffer {
    if let trailerSection { return trailerSection }
    let buffer = Buffer.allocate(capacity: limits.head)
    trailerSection = buffer
    isLarge = true
    return buffer
  }

  /// The request has ended: all views become invalid.
  @inline(__always)
  mutating func reset() {
    if isLarge { giveBack() }
  }

  @inline(never)
  private mutating func giveBack() {
    trailerSection?.deallocate()
    trailerSection = nil
    trailerParser = nil
    if let trailers = unsafe trailers {
      unsafe HostileMemory.free(UnsafeMutableRawPointer(trailers), count: limits.fields * MemoryLayout<Field>.stride)
      unsafe self.trailers = nil
    }
    freePath()
    isLarge = HostileMemory.isOn
    guard HostileMemory.isOn else { return }
    let count = RequestStorage.fieldCapacity(limits) * MemoryLayout<Field>.stride
    unsafe UnsafeMutableRawPointer(fields).initializeMemory(
      as: UInt8.self, repeating: HostileMemory.poison, count: count)
  }

  private mutating func freePath() {
    if let path = unsafe path { unsafe HostileMemory.free(UnsafeMutableRawPointer(path), count: pathCapacity) }
    unsafe path = nil
    pathCapacity = 0
  }

  /// The record is not used again.
  mutating func deallocate() {
    giveBack()
    unsafe HostileMemory.free(
      UnsafeMutableRawPointer(fields),
      count: RequestStorage.fieldCapacity(limits) * MemoryLayout<Field>.stride)
    unsafe HostileMemory.free(UnsafeMutableRawPointer(id), count: RequestStorage.idCapacity)
  }
}
