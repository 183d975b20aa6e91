import HTTP

/// Lines of Forwarded: read as plainly as can be, and with a proxy's element behind whatever a client has sent.
func checkForwarded(_ fields: Fields) {
  let values = values(of: "forwarded", fields)
  let lines = values.map { PlainForwarded.elements(Array($0)) }
  let list = HopsFromRight(forwarded: fields)
  require((list == nil) == lines.contains { $0 == nil }, "well-formed or not: \(values.map { $0.escaped() })")
  guard let list else { return }
  let elements = lines.flatMap { $0 ?? [] }.suffix(HopsFromRight.mostHops)
  let hops = hops(list, in: values)
  require(elements.map(\.bytes) == hops.reversed(), "hops \(hops), plainly \(elements.map(\.bytes))")
  for (hop, element) in zip(list, elements.reversed()) { checkParameters(hop, element) }
}

private func checkParameters(_ hop: Bytes, _ element: PlainForwarded) {
  for parameter in ForwardedParameter.allCases {
    let value = parameter.value(in: hop)
    let name = Array("\(parameter)".utf8)
    let plainly = element.pairs.first { PlainForwarded.lowercased($0.name) == name }?.value
    require(value.map { Array($0) } == plainly, "\(parameter) in \(hop.escaped())")
    guard let value else { continue }
    require(isWithin(value, hop) && value.count < hop.count, "parameter outside of its element")
    require(ForwardedScheme(value) == nil || value.count <= 5, "scheme")
    checkAddress(value)
  }
}

/// A proxy appends its elements to a client's words: what they mean depends on them alone, or nothing is believed.
func checkAppended(_ bytes: Bytes) {
  var choices = Array(bytes)[...]
  let appended = proxysElements(choices.prefix(Int(choices.popFirst() ?? 0) % 16))
  let client = Array(choices.dropFirst(16))
  guard let expected = lastHops(appended) else { return require(false, "a proxy's own words are malformed") }
  if let seen = lastHops(client + [44] + appended) {
    require(seen.starts(with: expected), "\(seen) behind a client's words, \(expected) without them")
  }
}

/// Well-formed elements, of choices of chance: tokens, and quoted strings with whatever in them.
private func proxysElements(_ chance: ArraySlice<UInt8>) -> [UInt8] {
  var line = Array(" for=192.0.2.1".utf8)
  for byte in chance {
    switch byte & 3 {
    case 0: line += Array(", for=\"[2001:db8::1]:80\" ;proto=http".utf8)
    case 1: line += Array(";a=token".utf8)
    default:
      // What delimits, and any byte, which a backslash may stand before and has to before some.
      let isEscaped = byte & 3 == 2 || byte == 34 || byte == 92
      line += Array(";b=\",;=".utf8) + (isEscaped ? [92, byte] : [byte]) + [34]
    }
  }
  return line
}

private func lastHops(_ line: [UInt8]) -> [[UInt8]]? {
  line.withView { value in
    let field = Field(name: Bytes("Forwarded"), value: value)
    return unsafe withUnsafePointer(to: field) { field in
      unsafe HopsFromRight(forwarded: Fields(base: field, count: 1))?.map { Array($0) }
    }
  }
}

/// An element of Forwarded, as it is read byte for byte (RFC 7239 section 4), with the rules of `ForwardedPairs`.
private struct PlainForwarded {
  var bytes: [UInt8]
  var pairs: [(name: [UInt8], value: [UInt8])]

  private static let names = ["for", "by", "host", "proto"].map { Array($0.utf8) }

  private enum State { case name, start, token, quoted, escaped, behind }

  /// Those of a line that are not empty; nil if it is malformed.
  static func elements(_ line: [UInt8]) -> [PlainForwarded]? {
    var elements: [PlainForwarded] = []
    var (bytes, name, value): ([UInt8], [UInt8], [UInt8]?) = ([], [], nil)
    var pairs: [(name: [UInt8], value: [UInt8])] = []
    var state = State.name
    for byte in line + [44] {
      switch (state, byte) {
      case (.name, 34), (.token, 34): return nil
      case (.start, 34): state = .quoted
      case (.quoted, 34): state = .behind
      case (.quoted, 92), (.quoted, _), (.escaped, _):
        state = state == .quoted && byte == 92 ? .escaped : .quoted
        value?.append(byte)
      case (_, 59), (_, 44):
        let end = state == .behind ? value?.count : (value?.lastIndex { !PlainLines.isBlank($0) } ?? -1) + 1
        if let value, let end { pairs.append((Array(name.drop(while: PlainLines.isBlank)), Array(value[..<end]))) }
        (name, value, state) = ([], nil, .name)
      case (.name, 61):
        value = []
        state = .start
      case (.name, _): name.append(byte)
      case (.start, _), (.token, _):
        value?.append(byte)
        state = .token
      case (.behind, _): if !PlainLines.isBlank(byte) { return nil }
      }
      guard byte == 44, state == .name else {
        bytes.append(byte)
        continue
      }
      let known = pairs.map { lowercased($0.name) }.filter(names.contains)
      if Set(known).count < known.count { return nil }
      let element = PlainLines.trimmed(bytes[...])
      if !element.isEmpty { elements.append(PlainForwarded(bytes: element, pairs: pairs)) }
      (bytes, pairs) = ([], [])
    }
    return state == .name ? elements : nil
  }

  static func lowercased(_ name: [UInt8]) -> [UInt8] { name.map { (65...90).contains($0) ? $0 | 32 : $0 } }
}
