import HTTP

/// Reads the lines of `bytes` as values of forwarding fields, in the way of a worker behind proxies: everything ends, and
/// shows nothing but its own value.
func checkForwarding(_ bytes: Bytes) {
  let memory = ArrivingBytes(all: bytes)
  var fields: [Field] = []
  var rest = memory.bytes
  while !rest.isEmpty {
    let end = rest.firstIndex(of: 10) ?? rest.count
    let line = rest.slice(0, end)
    rest = rest.dropFirst(min(end + 1, rest.count))
    if let first = line.isEmpty ? nil : line[0] {
      fields.append(Field(name: Bytes(names[Int(first & 3)]), value: line.dropFirst(1)))
    }
  }
  unsafe fields.withUnsafeBufferPointer { buffer in
    let fields = unsafe Fields(base: buffer.baseAddress, count: buffer.count)
    checkHops(fields, .xForwardedFor, "x-forwarded-for")
    checkHops(fields, .forwarded, "forwarded")
  }
  checkRequestID(memory.bytes)
  checkAuthority(memory.bytes)
}

private let names: [StaticString] = ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "x-forwarded-for"]

private func checkHops(_ fields: Fields, _ known: KnownField, _ name: StaticString) {
  let values = (0..<fields.count).filter { fields[$0].name.equalsIgnoringCase(name) }.map { fields[$0].value }
  var hops: [[UInt8]] = []
  // Each hop lies to the left of the one before it, in the same value or an earlier one.
  var line = values.count
  var end = 0
  for hop in HopsFromRight(fields, known) {
    while offset(of: hop, in: values, line).map({ $0 + hop.count > end }) ?? true {
      line -= 1
      require(line >= 0, "a hop is in none of the values")
      end = values[line].count
    }
    end = offset(of: hop, in: values, line) ?? 0
    require(!PlainLines.isBlank(hop[0]) && !PlainLines.isBlank(hop[hop.count - 1]), "blanks around a hop")
    hops.append(Array(hop))
    checkHop(hop)
  }
  // Without quotes, the list is what lies between commas.
  let all = values.map { Array($0) }
  if !all.contains(where: { $0.contains(UInt8(ascii: "\"")) }) {
    let plain = all.flatMap { $0.split(separator: 44).map(PlainLines.trimmed).filter { !$0.isEmpty } }
    require(plain == hops.reversed(), "hops \(hops), plainly \(plain)")
    require(plain == values.flatMap { ListElements($0).map { Array($0) } }, "list elements")
  }
}

private func offset(of view: Bytes, in values: [Bytes], _ line: Int) -> Int? {
  values.indices.contains(line) ? offset(of: view, in: values[line]) : nil
}

/// Where in `whole` a view that is not empty begins.
private func offset(of view: Bytes, in whole: Bytes) -> Int? {
  guard let first = unsafe view.base, let base = unsafe whole.base else { return nil }
  guard unsafe first >= base && first + view.count <= base + whole.count else { return nil }
  return unsafe first - base
}

private func isWithin(_ view: Bytes, _ whole: Bytes) -> Bool {
  view.isEmpty ? view.count == 0 : offset(of: view, in: whole) != nil
}

private func checkHop(_ hop: Bytes) {
  let parameters: [StaticString] = ["for", "proto", "host", "by"]
  for parameter in parameters {
    guard let value = ForwardedParameter.value(parameter, in: hop) else { continue }
    require(isWithin(value, hop) && value.count < hop.count, "parameter outside of its element")
    checkAddress(value)
    if let scheme = ForwardedScheme(value) {
      require(scheme.name.count <= 5 && value.count <= 5, "scheme")
    }
  }
  checkAddress(hop)
}

/// `HopAddress` gives back what the hop is made of.
private func checkAddress(_ hop: Bytes) {
  let (address, port) = HopAddress.split(hop)
  require(isWithin(address, hop), "address outside of its hop")
  if port != 0 {
    let text = Array(hop)
    let digits = text.suffix(while: { (48...57).contains($0) })
    require(UInt16(String(decoding: digits.drop { $0 == 48 }, as: UTF8.self)) == port, "port")
    let before = text.dropLast(digits.count)
    let bare = Array(address)
    require(before == bare + [58] || before == [91] + bare + [93, 58], "address and port are not the hop")
  }
}

private func checkRequestID(_ bytes: Bytes) {
  guard RequestIDSyntax.isValid(bytes) else { return }
  let id = Array(bytes)
  require((1...128).contains(id.count), "length of an id")
  require(id.allSatisfy { PlainLines.isToken($0) || $0 == 58 || $0 == 47 || $0 == 61 }, "byte of an id")
}

private func checkAuthority(_ bytes: Bytes) {
  guard Authority.isValid(bytes) else { return }
  let text = Array(bytes)
  let foreign = Array("/?#@\\\"<>^`{|}".utf8)
  require(!text.isEmpty && text[0] != 58, "no host")
  require(text.allSatisfy { $0 > 32 && $0 < 127 && !foreign.contains($0) }, "byte of an authority")
  if Authority.isValid(bytes, portRequired: true) {
    require((48...57).contains(text[text.count - 1]) && text.contains(58), "no port")
  }
}

extension [UInt8] {
  fileprivate func suffix(while condition: (UInt8) -> Bool) -> ArraySlice<UInt8> {
    self[(lastIndex { !condition($0) }.map { $0 + 1 } ?? startIndex)...]
  }
}
