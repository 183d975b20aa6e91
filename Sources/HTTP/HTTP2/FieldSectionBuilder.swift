import Memory

/// A field section of a stream while it arrives: copies of its names and values, and their positions.
///
/// The principle: while the memory may move, no address into it is kept. Bytes are identified by their offsets until
/// `seal`, which makes views of all fields at once. From then until `reset` the memory does not move.
@safe
struct FieldSectionBuilder: ~Copyable {
  /// The position of some bytes.
  struct Run: BitwiseCopyable {
    fileprivate var start: UInt32
    fileprivate(set) var count: UInt32

    fileprivate var end: Int { Int(start) + Int(count) }
  }

  struct Line: BitwiseCopyable {
    var name: Run
    var value: Run
    /// A further part of the Cookie field, without a name of its own.
    var isCrumb = false
  }

  private var bytes: GrowingMemory<UInt8>
  private var lines: GrowingMemory<Line>
  private var isSealed = false
  /// The line of the Cookie field, and the line with its last part.
  private var cookie: Int?
  private var lastCrumb = 0

  /// The memory that is kept between uses: enough for most sections, and affordable for many streams.
  private static let keptBytes = 4096
  private static let keptLines = 64

  private let keepsMemory: Bool

  /// - Parameters:
  ///   - bytes: the maximum number of bytes of names and values.
  ///   - fields: the maximum number of fields, without further parts of a cookie.
  ///   - keepsMemory: whether some memory is kept between uses; false for sections that few streams have.
  init(bytes mostBytes: Int, fields: Int, keepsMemory: Bool) {
    self.keepsMemory = keepsMemory
    bytes = GrowingMemory(first: HostileMemory.first(1024), most: mostBytes)
    // Two parts of a cookie are either joined or have another field between them.
    lines = GrowingMemory(first: HostileMemory.first(16), most: 2 * fields + 1)
  }

  /// The memory that it uses.
  var size: Int { bytes.capacity + lines.capacity * MemoryLayout<Line>.stride }

  // MARK: Building

  /// Copies `value`; nil if there is no room.
  mutating func append(_ value: Bytes) -> Run? {
    precondition(!isSealed)
    guard bytes.makeRoom(value.count) else { return nil }
    return copy(value)
  }

  /// Appends a copy of a field; false if there is no room.
  mutating func append(_ field: Field) -> Bool {
    precondition(!isSealed)
    guard bytes.makeRoom(field.name.count + field.value.count), lines.makeRoom(1) else { return false }
    let name = copy(field.name)
    lines.append(Line(name: name, value: copy(field.value)))
    return true
  }

  /// The same for a part of the Cookie field. All parts become one field in the place of the first (RFC 9113 section
  /// 8.2.3).
  mutating func append(cookie field: Field) -> Bool {
    guard cookie != nil else {
      guard append(field) else { return false }
      cookie = lines.count - 1
      lastCrumb = lines.count - 1
      return true
    }
    precondition(!isSealed)
    let separator = FieldSectionBuilder.separator
    // Usually the parts are consecutive, and each is appended to the one before.
    if lines[lastCrumb].value.end == bytes.count {
      guard bytes.makeRoom(separator.count + field.value.count) else { return false }
      bytes.append(separator)
      bytes.append(field.value)
      lines[lastCrumb].value.count += UInt32(separator.count + field.value.count)
      return true
    }
    guard bytes.makeRoom(field.value.count), lines.makeRoom(1) else { return false }
    let value = copy(field.value)
    lines.append(Line(name: Run(start: value.start, count: 0), value: value, isCrumb: true))
    lastCrumb = lines.count - 1
    return true
  }

  private static var separator: Bytes { Bytes("; ") }

  /// Copies a value for which there is room.
  private mutating func copy(_ value: Bytes) -> Run {
    let run = Run(start: UInt32(bytes.count), count: UInt32(value.count))  // both are bounded by `most`
    bytes.append(value)
    return run
  }

  // MARK: The end

  /// The section is complete: its fields are written to `storage`, and nothing moves any more.
  ///
  /// - Parameter storage: memory for the maximum number of fields. Its content, and all views of runs, are valid until
  ///   `reset`.
  /// - Returns: the number of fields. Nil if a cookie of many parts does not fit; then there are no views.
  mutating func seal(into storage: UnsafeMutablePointer<Field>) -> Int? {
    precondition(!isSealed)
    guard joinCookie(), bytes.makeRoom(1) else { return nil }  // so that an empty value has an address
    isSealed = true
    var count = 0
    for index in 0..<lines.count {
      let line = lines[index]
      if line.isCrumb { continue }
      unsafe (storage + count).initialize(to: Field(name: view(line.name), value: view(line.value)))
      count += 1
    }
    return count
  }

  /// Joins parts of a cookie that have other fields between them, in one step.
  private mutating func joinCookie() -> Bool {
    guard let cookie, lastCrumb != cookie else { return true }
    var length = Int(lines[cookie].value.count)
    for index in cookie + 1...lastCrumb where lines[index].isCrumb {
      length += FieldSectionBuilder.separator.count + Int(lines[index].value.count)
    }
    guard bytes.makeRoom(length) else { return false }
    let start = bytes.count
    for index in cookie...lastCrumb where index == cookie || lines[index].isCrumb {
      if index != cookie { bytes.append(FieldSectionBuilder.separator) }
      bytes.append(own: Int(lines[index].value.start), length: Int(lines[index].value.count))
    }
    lines[cookie].value = Run(start: UInt32(start), count: UInt32(length))
    return true
  }

  /// The bytes of a run. Called after `seal`; valid until `reset`.
  func view(_ run: Run) -> Bytes {
    precondition(isSealed && run.end <= bytes.count)
    return unsafe Bytes(base: bytes.address.map { unsafe $0 + Int(run.start) }, count: Int(run.count))
  }

  /// Prepares for the next section: all views become invalid.
  mutating func reset() {
    isSealed = false
    cookie = nil
    lastCrumb = 0
    bytes.empty(keeping: keepsMemory ? FieldSectionBuilder.keptBytes : 0)
    lines.empty(keeping: keepsMemory ? FieldSectionBuilder.keptLines : 0)
  }
}
