import HTTP

/// Reads lines and fields from bytes that are all there, in the plainest way: what the engine's readers, which are
/// quick and take bytes as they come, are compared with. Where a grammar is broken, the answer is nil.
struct PlainLines {
  private let bytes: [UInt8]
  private(set) var position: Int

  init(_ bytes: [UInt8], from position: Int = 0) {
    self.bytes = bytes
    self.position = position
  }

  /// The bytes up to the next CR LF, which is read over. CR and LF stand nowhere else.
  mutating func line() -> ArraySlice<UInt8>? {
    guard let end = bytes[position...].firstIndex(where: { $0 == 13 || $0 == 10 }),
      bytes[end] == 13, end + 1 < bytes.count, bytes[end + 1] == 10
    else { return nil }
    defer { position = end + 2 }
    return bytes[position..<end]
  }

  /// The field lines up to an empty line, which is read over.
  mutating func section() -> [CopiedField]? {
    var fields: [CopiedField] = []
    while let line = line() {
      if line.isEmpty { return fields }
      guard let field = PlainLines.field(line) else { return nil }
      fields.append(field)
    }
    return nil
  }

  /// `length` bytes and CR LF behind them.
  mutating func block(_ length: Int) -> ArraySlice<UInt8>? {
    guard length <= bytes.count - position - 2, bytes[position + length] == 13, bytes[position + length + 1] == 10
    else { return nil }
    defer { position += length + 2 }
    return bytes[position..<position + length]
  }

  static func field(_ line: ArraySlice<UInt8>) -> CopiedField? {
    guard let colon = line.firstIndex(of: 58), colon > line.startIndex else { return nil }
    guard line[..<colon].allSatisfy(isToken), line[colon...].allSatisfy(isText) else { return nil }
    return CopiedField(name: Array(line[..<colon]), value: trimmed(line[(colon + 1)...]))
  }

  static func trimmed(_ text: ArraySlice<UInt8>) -> [UInt8] {
    guard let first = text.firstIndex(where: { !isBlank($0) }), let last = text.lastIndex(where: { !isBlank($0) })
    else { return [] }
    return Array(text[first...last])
  }

  /// The elements of a comma-separated list, in lower case.
  static func list(_ value: [UInt8]) -> [[UInt8]] {
    value.split(separator: 44).map { trimmed($0).map { $0 &- 65 < 26 ? $0 + 32 : $0 } }.filter { !$0.isEmpty }
  }

  static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

  /// Anything but controls other than tab.
  static func isText(_ byte: UInt8) -> Bool { byte == 9 || (byte > 31 && byte != 127) }

  /// `tchar` as RFC 9110 section 5.6.2 lists them.
  static func isToken(_ byte: UInt8) -> Bool {
    switch byte {
    case 48...57, 65...90, 97...122: true
    case 33, 35, 36, 37, 38, 39, 42, 43, 45, 46, 94, 95, 96, 124, 126: true  // !#$%&'*+-.^_`|~
    default: false
    }
  }
}

func hexValue(_ digit: UInt8) -> UInt8? {
  switch digit {
  case 48...57: digit - 48
  case 65...70: digit - 55
  case 97...102: digit - 87
  default: nil
  }
}
