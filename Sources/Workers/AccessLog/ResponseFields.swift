import HTTP

/// The fields of a request's final response that the access log format names. They are copied, because the plugin may
/// reuse its memory before the line is written.
@safe
struct ResponseFields: ~Copyable {
  /// The longest value that is kept.
  private static let valueLength = 255

  private var memory: UnsafeMutablePointer<UInt8>?
  private var counts = InlineArray<8, UInt8>(repeating: 0)

  init() { unsafe memory = nil }

  deinit { unsafe memory?.deallocate() }

  mutating func keep(_ fields: Fields, _ plan: AccessLinePlan) {
    for number in 0..<min(plan.nameCount, counts.count) {
      let value = ResponseFields.value(plan.name(number), fields)
      let count = min(value.count, ResponseFields.valueLength)
      counts[number] = UInt8(count)
      guard count > 0, let source = unsafe value.base else { continue }
      unsafe room(number).update(from: source, count: count)
    }
  }

  /// Empty if the response had none.
  subscript(_ number: Int) -> Bytes {
    guard number >= 0 && number < counts.count, let memory = unsafe memory else { return .empty }
    return unsafe Bytes(base: memory + number * ResponseFields.valueLength, count: Int(counts[number]))
  }

  mutating func forget() { for number in counts.indices { counts[number] = 0 } }

  private mutating func room(_ number: Int) -> UnsafeMutablePointer<UInt8> {
    if unsafe memory == nil { unsafe memory = .allocate(capacity: counts.count * ResponseFields.valueLength) }
    return unsafe memory.unsafelyUnwrapped + number * ResponseFields.valueLength
  }

  private static func value(_ name: Bytes, _ fields: Fields) -> Bytes {
    for index in 0..<fields.count where fields[index].name.equalsLowercasing(name) { return fields[index].value }
    return .empty
  }
}
