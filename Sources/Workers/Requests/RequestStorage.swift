import HTTP

/// The memory that a request's views point into besides the connection's buffer. It never moves while the request lasts;
/// what few requests need is given back with it.
@safe
struct RequestStorage {
  private let limits: RequestLimits
  let fields: UnsafeMutablePointer<Field>
  let id: UnsafeMutablePointer<UInt8>
  private var path: UnsafeMutablePointer<UInt8>?
  private var pathCapacity = 0
  private var trailers: UnsafeMutablePointer<Field>?
  private var trailerSection: Buffer?
  /// Reads the trailer section that ends a body in chunks; nil before it begins.
  var trailerParser: TrailerParser?
  /// Something is to be given back with the request.
  private var isLarge = HostileMemory.isOn

  /// Room for a path that is kept from use to use.
  private static let keptPath = 1024

  init(limits: RequestLimits) {
    self.limits = limits
    unsafe fields = .allocate(capacity: RequestStorage.fieldCapacity(limits))
    unsafe id = .allocate(capacity: RequestIDs.length)
    unsafe path = nil
    unsafe trailers = nil
  }

  /// A stream's Host may join the fields.
  private static func fieldCapacity(_ limits: RequestLimits) -> Int { limits.fields + 1 }

  /// Room for a decoded path of up to `count` bytes, until `reset`. To be called once for a request.
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

  /// Where a trailer section is gathered, so that it stands in one piece; room for the largest.
  mutating func trailerBuffer() -> Buffer {
    if let trailerSection { return trailerSection }
    let buffer = Buffer.allocate(capacity: limits.head)
    trailerSection = buffer
    isLarge = true
    return buffer
  }

  /// The request has ended, and every view with it.
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
    unsafe HostileMemory.free(UnsafeMutableRawPointer(id), count: RequestIDs.length)
  }
}
