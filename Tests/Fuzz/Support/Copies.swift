import HTTP

extension [UInt8] {
  /// What a view shows.
  init(_ bytes: Bytes) {
    self = unsafe Array(UnsafeBufferPointer(start: bytes.base, count: bytes.count))
  }

  mutating func append(_ bytes: Bytes) {
    unsafe append(contentsOf: UnsafeBufferPointer(start: bytes.base, count: bytes.count))
  }

  mutating func append(_ text: StaticString) { append(Bytes(text)) }

  /// Runs `body` on a view of the array.
  func withView<Result>(_ body: (Bytes) -> Result) -> Result {
    unsafe withUnsafeBufferPointer { unsafe body(Bytes(base: $0.baseAddress, count: $0.count)) }
  }
}

/// A field line, copied.
struct CopiedField: Equatable {
  let name: [UInt8]
  let value: [UInt8]

  init(name: [UInt8], value: [UInt8]) {
    self.name = name
    self.value = value
  }

  init(_ field: Field) { self.init(name: Array(field.name), value: Array(field.value)) }

  init(_ name: StaticString, _ value: [UInt8]) { self.init(name: Array(Bytes(name)), value: value) }

  /// Whether the name is `lowercase` in any case of letters.
  func isNamed(_ lowercase: StaticString) -> Bool { name.withView { $0.equalsIgnoringCase(lowercase) } }

  static func all(_ fields: Fields) -> [CopiedField] { (0..<fields.count).map { CopiedField(fields[$0]) } }
}

extension [UInt8] {
  /// `name: value CRLF` for each of `fields`, and the empty line.
  mutating func append(section fields: [CopiedField]) {
    for field in fields {
      self += field.name
      append(": ")
      self += field.value
      append("\r\n")
    }
    append("\r\n")
  }
}
