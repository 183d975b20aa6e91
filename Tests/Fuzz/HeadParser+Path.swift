import HTTP

/// Decodes a path, which begins with a slash, and holds the result against the rules and a plain decoder.
func checkDecoding(of path: [UInt8]) {
  let outcome = path.withView(decoded)
  let expected = plainlyDecoded(path)
  require(outcome == expected, "\(outcome), plainly \(expected)")
  let isPlain = path.withView(PathDecoding.isPlain)
  guard case .success(let result) = outcome else {
    require(!isPlain, "a plain path is refused")
    return
  }
  require(!isPlain || result == path, "a plain path is changed")
  require(result.count <= path.count, "longer than it was")
  require(!result.contains(0), "NUL")
  require(result.first == UInt8(ascii: "/"), "no slash")
  for segment in result.split(separator: UInt8(ascii: "/")) {
    require(segment != [46] && segment != [46, 46], "dot segment")
  }
  if !result.contains(UInt8(ascii: "%")) {
    require(result.withView(decoded) == .success(result), "decoded twice it is another")
  }
}

/// What the decoder says, in memory exactly as large as it asks for.
private func decoded(_ path: Bytes) -> Result<[UInt8], PathError> {
  let source = ArrivingBytes(all: path)
  let room = UnsafeMutablePointer<UInt8>.allocate(capacity: path.count)
  defer { unsafe room.deallocate() }
  do throws(PathError) {
    let count = try unsafe PathDecoding.decode(source.bytes, into: room)
    return unsafe .success(Array(Bytes(base: room, count: count)))
  } catch {
    return .failure(error)
  }
}

/// Percent-decoding, then RFC 3986 section 5.2.4 on a stack of segments.
private func plainlyDecoded(_ path: [UInt8]) -> Result<[UInt8], PathError> {
  var decoded: [UInt8] = []
  var index = 0
  while index < path.count {
    var byte = path[index]
    if byte == UInt8(ascii: "%") {
      let digits = path[(index + 1)...].prefix(2).compactMap(hexValue)
      guard digits.count == 2, digits != [0, 0] else { return .failure(.malformed) }
      byte = digits[0] * 16 + digits[1]
      index += 2
    }
    decoded.append(byte)
    index += 1
  }
  let segments = decoded.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false).dropFirst()
  var kept: [ArraySlice<UInt8>] = []
  for (position, segment) in zip(segments.indices, segments) {
    let isDot = segment == [46]
    let isDots = segment == [46, 46]
    if isDots && kept.popLast() == nil { return .failure(.escapesRoot) }
    if !isDot && !isDots { kept.append(segment) } else if position == segments.endIndex - 1 { kept.append([]) }
  }
  return .success(kept.flatMap { [UInt8(ascii: "/")] + $0 })
}
