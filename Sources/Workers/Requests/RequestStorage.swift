import HTTP

/// The memory that a request's views point into besides the connection's buffer; kept from use to use.
@safe
struct RequestStorage {
  private let limits: RequestLimits
  let fields: UnsafeMutablePointer<Field>
  let id: UnsafeMutablePointer<UInt8>
  private var path: UnsafeMutablePointer<UInt8>?
  private var trailers: UnsafeMutablePointer<Field>?
  private var trailerSection: Buffer?

  init(limits: RequestLimits) {
    self.limits = limits
    // A stream's Host may join them.
    unsafe fields = .allocate(capacity: limits.fields + 1)
    unsafe id = .allocate(capacity: RequestIDs.length)
    unsafe path = nil
    unsafe trailers = nil
  }

  /// Room for a decoded path, which is never longer than the request line.
  mutating func pathRoom() -> UnsafeMutablePointer<UInt8> {
    if unsafe path == nil { unsafe path = .allocate(capacity: limits.requestLine) }
    return unsafe path.unsafelyUnwrapped
  }

  mutating func trailerFields() -> UnsafeMutablePointer<Field> {
    if unsafe trailers == nil { unsafe trailers = .allocate(capacity: limits.fields) }
    return unsafe trailers.unsafelyUnwrapped
  }

  /// Where a trailer section is gathered, so that it stands in one piece; room for the largest.
  mutating func trailerBuffer() -> Buffer {
    if let trailerSection { return trailerSection }
    let buffer = Buffer.allocate(capacity: limits.head)
    trailerSection = buffer
    return buffer
  }

  /// What was gathered is stale.
  mutating func reset() {
    trailerSection?.record.start = 0
    trailerSection?.record.end = 0
  }
}
