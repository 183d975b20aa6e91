import HTTP

/// Fields as a plugin lends them: each name and value in memory of its own and of exactly its size, so that
/// AddressSanitizer traps reads beyond it.
///
/// A section is a byte, the number of its fields, of which the low three bits count; with bit 7, the last field comes
/// 128 times more. A name is a byte: below 0x40, one
/// of the names below; else a length in the low five bits, and bytes. A value is a byte: below 0x40, one of the values
/// below; below 0x60, a number of one byte; else a length, and bytes.
@safe
struct LentFields {
  private var lent = unsafe [UnsafeMutablePointer<UInt8>]()

  private static let names: [StaticString] = [
    "Link", "Content-Length", "content-type", "Transfer-Encoding", "Connection", "Date", "server", "Trailer", "X-A",
    "Set-Cookie", "te", "Upgrade", "Keep-Alive", "Host", "Expect", "Via", "x_y", "X-Forwarded-For", "x-request-id",
    "Proxy-Connection",
  ]
  private static let values: [StaticString] = [
    "", "</a.css>; rel=preload", "0", "1", "5", "63", "9223372036854775807", "9223372036854775808", "chunked", "close",
    "a\tb", " a", "a ", "a\r\nX-Injected: 1", "a\n\nb", "a\0b", "+5", "5, 5", "caf\u{E9}", "\u{7F}",
  ]

  /// Runs `body` on the fields chosen, which end with it.
  mutating func withFields(_ choices: inout Choices, _ body: (Fields) -> Void) {
    var fields: [Field] = []
    let count = choices.byte()
    for _ in 0..<count & 7 {
      let name = self.name(&choices)
      fields.append(Field(name: name, value: value(&choices)))
    }
    if let last = fields.last, count & 128 != 0 { fields += repeatElement(last, count: 128) }
    unsafe fields.withUnsafeBufferPointer { unsafe body(Fields(base: $0.baseAddress, count: $0.count)) }
    while let memory = unsafe lent.popLast() { unsafe memory.deallocate() }
  }

  private mutating func name(_ choices: inout Choices) -> Bytes {
    let byte = choices.byte()
    if byte < 0x40 { return lend(Bytes(LentFields.names[Int(byte) % LentFields.names.count])) }
    return raw(byte, &choices)
  }

  private mutating func value(_ choices: inout Choices) -> Bytes {
    let byte = choices.byte()
    if byte < 0x40 { return lend(Bytes(LentFields.values[Int(byte) % LentFields.values.count])) }
    if byte < 0x60 { return Array(String(choices.byte()).utf8).withView { lend($0) } }
    return raw(byte, &choices)
  }

  private mutating func raw(_ byte: UInt8, _ choices: inout Choices) -> Bytes {
    switch byte {
    // Views that are none: what a plugin in C may pass.
    case 0xFE: unsafe Bytes(foreign: nil, count: 5)
    case 0xFF: unsafe Bytes(foreign: Bytes("x").base, count: -1)
    default: lend(choices.bytes(Int(byte & 31)))
    }
  }

  private mutating func lend(_ bytes: Bytes) -> Bytes {
    guard let source = unsafe bytes.base, !bytes.isEmpty else { return .empty }
    let memory = UnsafeMutablePointer<UInt8>.allocate(capacity: bytes.count)
    unsafe memory.update(from: source, count: bytes.count)
    unsafe lent.append(memory)
    return unsafe Bytes(base: memory, count: bytes.count)
  }
}
