// The PROXY header: its verdict comes with the byte that decides it and never changes after; and an accepted route,
// written again, is the header that was read. The same bytes, as fields, go through the readers of forwarding fields.
//
// An input is one byte that chooses the versions accepted, then the bytes.
import HTTP

@_cdecl("LLVMFuzzerTestOneInput")
public func testOneInput(_ data: UnsafePointer<UInt8>, _ count: Int) -> CInt {
  var choices = unsafe Choices(data, count)
  let accepted: ProxyHeader.Accepted = [.any, .v1, .v2, .any][Int(choices.byte() & 3)]
  checkHeader(choices.rest, accepted)
  checkForwarding(choices.rest)
  return 0
}

private enum Verdict: Equatable {
  case incomplete
  case refused(Refusal)
  case complete(length: Int, CopiedClient)
}

private enum CopiedClient: Equatable {
  case proxy, unknown
  case known(CopiedRoute)
}

private struct CopiedRoute: Equatable {
  let isText: Bool
  let source: [UInt8]
  let destination: [UInt8]
  let ports: [UInt16]
}

private func checkHeader(_ bytes: Bytes, _ accepted: ProxyHeader.Accepted) {
  var memory = ArrivingBytes(bytes)
  var verdict = Verdict.incomplete
  for count in 0...bytes.count {
    memory.arrive(count)
    let next = parse(memory, accepted)
    if verdict != .incomplete {
      require(next == verdict, "\(next) of \(count) bytes, \(verdict) of one less")
    } else if case .complete(let length, _) = next {
      require(length == count, "complete with \(count) bytes, and \(length) long")
    }
    verdict = next
  }
  // The result is the same if all bytes arrive at once.
  require(parse(ArrivingBytes(all: bytes), accepted) == verdict, "read otherwise elsewhere")
  guard case .complete(let length, let client) = verdict else { return }
  let header = Array(bytes.slice(0, length))
  // Version 2 alone has a word for it.
  require((client == .proxy) == (header[0] == 13 && header[12] & 15 == 0), "the proxy's own, or not")
  guard case .known(let route) = client else { return }
  if route.isText {
    // The family is not the route's.
    let written = version1(route, family: header[9])
    require(header == written, "the header is not what its route says: \(route)")
  } else {
    let written = version2(route)
    // The length and what extends the header are not the route's.
    require(Array(header[..<14]) == Array(written[..<14]), "the header is not what its route says: \(route)")
    require(Array(header[16...].prefix(written.count - 16)) == Array(written[16...]), "addresses: \(route)")
    require(length == 16 + Int(header[14]) << 8 + Int(header[15]), "length")
  }
}

private func parse(_ memory: borrowing ArrivingBytes, _ accepted: ProxyHeader.Accepted) -> Verdict {
  switch ProxyHeader.parse(memory.bytes, accepted) {
  case .incomplete: return .incomplete
  case .refused(let refusal):
    require(refusal == .malformedProxyHeader, "refused as \(refusal)")
    return .refused(refusal)
  case .complete(let length, let client, let tls):
    if let tls, !tls.commonName.isEmpty {
      require(tls.isUsed && memory.holds(tls.commonName, below: length), "a name outside of the header, or without TLS")
    }
    require(length > 0 && length <= memory.count, "longer than what has come")
    switch client {
    case .proxy: return .complete(length: length, .proxy)
    case .unknown: return .complete(length: length, .unknown)
    case .known(let route): return .complete(length: length, .known(copied(route, memory, length)))
    }
  }
}

private func copied(_ route: ProxyHeader.Route, _ memory: borrowing ArrivingBytes, _ length: Int) -> CopiedRoute {
  let views: [Bytes]
  let isText: Bool
  switch (route.source, route.destination) {
  case (.text(let source), .text(let destination)): (views, isText) = ([source, destination], true)
  case (.raw(let source), .raw(let destination)): (views, isText) = ([source, destination], false)
  default: fatalError("one end in words, one raw")
  }
  for view in views {
    require(!view.isEmpty && memory.holds(view, below: length), "address outside of the header")
    if !isText { require(view.count == views[0].count && (view.count == 4 || view.count == 16), "\(view.count) bytes") }
  }
  return CopiedRoute(
    isText: isText, source: Array(views[0]), destination: Array(views[1]),
    ports: [route.sourcePort, route.destinationPort])
}

private func version1(_ route: CopiedRoute, family: UInt8) -> [UInt8] {
  require(family == UInt8(ascii: "4") || family == UInt8(ascii: "6"), "family")
  var text: [UInt8] = []
  text.append("PROXY TCP")
  text += [family, 32] + route.source + [32] + route.destination
  for port in route.ports { text += [32] + Array(String(port).utf8) }
  text.append("\r\n")
  return text
}

private func version2(_ route: CopiedRoute) -> [UInt8] {
  var bytes: [UInt8] = []
  bytes.append("\r\n\r\n\0\r\nQUIT\n")
  bytes += [0x21, route.source.count == 4 ? 0x11 : 0x21, 0, 0]
  bytes += route.source + route.destination
  for port in route.ports { bytes += [UInt8(port >> 8), UInt8(port & 255)] }
  return bytes
}
