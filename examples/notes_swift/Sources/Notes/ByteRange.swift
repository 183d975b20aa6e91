/// What the field Range asks for (RFC 9110 section 14).
enum ByteRange {
  case ignored, unsatisfiable
  case part(Range<Int>)

  init(_ field: String?, of size: Int) {
    self = .ignored
    guard let field, field.hasPrefix("bytes=") else { return }
    let ends = field.dropFirst("bytes=".count).split(separator: "-", omittingEmptySubsequences: false)
    guard ends.count == 2, ends.allSatisfy({ $0.utf8.allSatisfy { ($0 &- UInt8(ascii: "0")) < 10 } }) else { return }
    // A number that is too large is behind each end.
    let first = ends[0].isEmpty ? nil : Int(ends[0]) ?? .max
    let last = ends[1].isEmpty ? nil : Int(ends[1]) ?? .max
    switch (first, last) {
    case (nil, nil): return
    case (nil, let count?): self = count == 0 || size == 0 ? .unsatisfiable : .part(max(size - count, 0)..<size)
    case (let first?, let last):
      if let last, last < first { return }
      self = first >= size ? .unsatisfiable : .part(first..<min(last ?? .max, size - 1) + 1)
    }
  }
}
