import HTTP

/// Takes choices off the front of what the fuzzer gives. Where nothing is left, all choices are 0.
struct Choices {
  private(set) var rest: Bytes

  init(_ data: UnsafePointer<UInt8>, _ count: Int) { rest = unsafe Bytes(base: data, count: count) }

  mutating func byte() -> UInt8 {
    guard !rest.isEmpty else { return 0 }
    defer { rest = rest.dropFirst(1) }
    return rest[0]
  }

  /// A number below `bound`.
  mutating func number(below bound: UInt8) -> Int { Int(byte() % bound) }

  /// The next `count` bytes, or as many as there are.
  mutating func bytes(_ count: Int) -> Bytes {
    let end = min(count, rest.count)
    defer { rest = rest.dropFirst(end) }
    return rest.slice(0, end)
  }
}
