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
    checkListed(fields)
    checkForwarded(fields)
  }
  checkAppended(memory.bytes)
  checkRequestID(memory.bytes)
  checkAuthority(memory.bytes)
}

private let names: [StaticString] = ["X-Forwarded-For", "Forwarded", "X-Forwarded-Host", "x-forwarded-for"]

private func checkListed(_ fields: Fields) {
  let values = values(of: "x-forwarded-for", fields)
  let hops = hops(HopsFromRight(fields, .xForwardedFor), in: values)
  for hop in hops { hop.withView(checkAddress) }
  // The list is what lies between commas.
  let plain = values.flatMap { Array($0).split(separator: 44).map(PlainLines.trimmed).filter { !$0.isEmpty } }
  require(Array(plain.suffix(HopsFromRight.mostHops)) == hops.reversed(), "hops \(hops), plainly \(plain)")
  require(plain == values.flatMap { ListElements($0).map { Array($0) } }, "list elements")
}

func values(of name: StaticString, _ fields: Fields) -> [Bytes] {
  (0..<fields.count).filter { fields[$0].name.equalsIgnoringCase(name) }.map { fields[$0].value }
}

/// The hops, each of which lies to the left of the one before it, in the same value or an earlier one.
func hops(_ list: HopsFromRight, in values: [Bytes]) -> [[UInt8]] {
  var hops: [[UInt8]] = []
  var line = values.count
  var end = 0
  for hop in list {
    while offset(of: hop, in: values, line).map({ $0 + hop.count > end }) ?? true {
      line -= 1
      require(line >= 0, "a hop is in none of the values")
      end = values[line].count
    }
    end = offset(of: hop, in: values, line) ?? 0
    require(!PlainLines.isBlank(hop[0]) && !PlainLines.isBlank(hop[hop.count - 1]), "blanks around a hop")
    hops.append(Array(hop))
  }
  return hops
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

func isWithin(_ view: Bytes, _ whole: Bytes) -> Bool {
  view.isEmpty ? view.count == 0 : offset(of: view, in: whole) != nil
}

/// The hop is made of its address and what looks like a port.
func checkAddress(_ hop: Bytes) {
  let (address, port) = HopAddress.split(hop)
  require(isWithin(address, hop), "address outside of its hop")
  let text = Array(hop)
  let bare = Array(address)
  let bracketed = [91] + bare + [93]
  let rest = text.starts(with: bracketed) ? text.dropFirst(bracketed.count) : text.dropFirst(bare.count)
  require(text.starts(with: bracketed) || text.starts(with: bare), "address \(bare) of \(text)")
  require(rest.isEmpty || rest.first == 58, "\(rest) behind the address of \(text)")
  let digits = rest.dropFirst()
  let isNumber = digits.count < 20 && digits.allSatisfy { (48...57).contains($0) }
  let number = isNumber ? Int(String(decoding: digits, as: UTF8.self)) : nil
  require(port == number.flatMap(UInt16.init(exactly:)) ?? 0, "port \(port) of \(text)")
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
