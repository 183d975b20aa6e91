/// One field section of a stream while it arrives: copies of its names and values, and where each of them stands.
///
/// The principle: as long as memory can move, nothing holds an address into it. A run of bytes is known by its offset
/// until `seal`, which makes views of all fields at once; from then on, until `reset`, the memory stays where it is.
@safe
struct FieldSectionBuilder: ~Copyable {
  /// Where bytes stand.
  struct Run: BitwiseCopyable {
    fileprivate var start: UInt32
    fileprivate(set) var count: UInt32

    fileprivate var end: Int { Int(start) + Int(count) }
  }

  struct Line: BitwiseCopyable {
    var name: Run
    var value: Run
    /// A further part of the Cookie field, whose name is not said again.
    var isCrumb = false
  }

  private var bytes: GrowingMemory<UInt8>
  private var lines: GrowingMemory<Line>
  private var isSealed = false
  /// The line of the Cookie field, and the one with its last part.
  private var cookie: Int?
  private var lastCrumb = 0

  /// What is kept from use to use: more than most sections take, little for as many as there may be.
  private static let keptBytes = 4096
  private static let keptLines = 64

  private let keepsMemory: Bool

  /// - Parameters:
  ///   - bytes: the most bytes of names and values that it holds.
  ///   - fields: the most fields, parts of a cookie aside.
  ///   - keepsMemory: some memory stays from use to use; false for sections that few streams have.
  init(bytes mostBytes: Int, fields: Int, keepsMemory: Bool) {
    self.keepsMemory = keepsMemory
    bytes = GrowingMemory(first: HostileMemory.first(1024), most: mostBytes)
    // Between two parts of a cookie there is another field, or they join.
    lines = GrowingMemory(first: HostileMemory.first(16), most: 2 * fields + 1)
  }

  /// The memory that it takes now.
  var size: Int { bytes.capacity + lines.capacity * MemoryLayout<Line>.stride }

  // MARK: Building

  /// Copies `value`; nil where there is no room.
  mutating func append(_ value: Bytes) -> Run? {
    precondition(!isSealed)
    guard bytes.makeRoom(value.count) else { return nil }
    return copy(value)
  }

  /// Copies a field, which becomes the last one; false where there is no room.
  mutating func append(_ field: Field) -> Bool {
    precondition(!isSealed)
    guard bytes.makeRoom(field.name.count + field.value.count), lines.makeRoom(1) else { return false }
    let name = copy(field.name)
    lines.append(Line(name: name, value: copy(field.value)))
    return true
  }

  /// The same for a part of the Cookie field: all of them become one field where the first of them stands
  /// (RFC 9113 section 8.2.3).
  mutating func append(cookie field: Field) -> Bool {
    guard cookie != nil else {
      guard append(field) else { return false }
      cookie = lines.count - 1
      lastCrumb = lines.count - 1
      return true
    }
    precondition(!isSealed)
    let separator = FieldSectionBuilder.separator
    // Usually they follow each other, and each just joins what stands at the end.
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

  /// There is room.
  private mutating func copy(_ value: Bytes) -> Run {
    let run = Run(start: UInt32(bytes.count), count: UInt32(value.count))  // both are bounded by `most`
    bytes.append(value)
    return run
  }

  // MARK: The end

  /// The section is complete: nothing moves any more, and its fields stand in `storage`.
  ///
  /// - Parameter storage: room for as many fields as there may be. What is written there, and every view of a run, is
  ///   valid until `reset`.
  /// - Returns: the number of fields; nil where a cookie of many parts does not fit, and then nothing has a view.
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

  /// The parts of a cookie that other fields stand between become one run, all in one step.
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

  /// The bytes of a run, after `seal`; valid until `reset`.
  func view(_ run: Run) -> Bytes {
    precondition(isSealed && run.end <= bytes.count)
    return unsafe Bytes(base: bytes.address.map { unsafe $0 + Int(run.start) }, count: Int(run.count))
  }

  /// For the next section: every view ends here.
  mutating func reset() {
    isSealed = false
    cookie = nil
    lastCrumb = 0
    bytes.empty(keeping: keepsMemory ? FieldSectionBuilder.keptBytes : 0)
    lines.empty(keeping: keepsMemory ? FieldSectionBuilder.keptLines : 0)
  }
}
