extension Configuration {
  /// Reads the table as a value of a type of the plugin's: keys are its properties, and optional ones may be missing. A key
  /// that the type does not have is an error, with the one that was meant; so is one of another kind. All errors are
  /// reported before the first is thrown.
  public func decode<Value: Decodable>(_ type: Value.Type) throws -> Value {
    try Value(from: ConfigurationDecoder(self))
  }
}

/// Decodes a value of the configuration.
private struct ConfigurationDecoder: Decoder, SingleValueDecodingContainer {
  let configuration: Configuration
  var codingPath: [any CodingKey] { [] }
  var userInfo: [CodingUserInfoKey: Any] { [:] }

  init(_ configuration: Configuration) { self.configuration = configuration }

  func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
    guard configuration.kind == .table else { throw configuration.mismatch("a table") }
    return KeyedDecodingContainer(TableDecoder<Key>(configuration))
  }

  func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
    guard configuration.kind == .array else { throw configuration.mismatch("an array") }
    return ArrayDecoder(configuration)
  }

  func singleValueContainer() -> any SingleValueDecodingContainer { self }

  func decodeNil() -> Bool { configuration.kind == .missing }
  func decode(_ type: Bool.Type) throws -> Bool { try configuration.require(configuration.boolean, "true or false") }
  func decode(_ type: String.Type) throws -> String { try configuration.require(configuration.string, "a string") }
  func decode(_ type: Double.Type) throws -> Double { try configuration.require(configuration.number, "a number") }
  func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }
  func decode(_ type: Int.Type) throws -> Int { try integer() }
  func decode(_ type: Int8.Type) throws -> Int8 { try integer() }
  func decode(_ type: Int16.Type) throws -> Int16 { try integer() }
  func decode(_ type: Int32.Type) throws -> Int32 { try integer() }
  func decode(_ type: Int64.Type) throws -> Int64 { try integer() }
  func decode(_ type: UInt.Type) throws -> UInt { try integer() }
  func decode(_ type: UInt8.Type) throws -> UInt8 { try integer() }
  func decode(_ type: UInt16.Type) throws -> UInt16 { try integer() }
  func decode(_ type: UInt32.Type) throws -> UInt32 { try integer() }
  func decode(_ type: UInt64.Type) throws -> UInt64 { try integer() }

  func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try Value(from: self) }

  private func integer<Value: FixedWidthInteger>() throws -> Value {
    let value = try configuration.require(configuration.integer, "an integer")
    guard let exact = Value(exactly: value) else {
      throw configuration.report("\(value) is not from \(Value.min) to \(Value.max)")
    }
    return exact
  }
}

/// Decodes the properties of a type from a table.
private struct TableDecoder<Key: CodingKey>: KeyedDecodingContainerProtocol {
  let configuration: Configuration
  var codingPath: [any CodingKey] { [] }
  var allKeys: [Key] { configuration.keys.compactMap(Key.init(stringValue:)) }

  init(_ configuration: Configuration) {
    self.configuration = configuration
    // A key that makes no property is not one of the type's.
    for key in configuration.keys where Key(stringValue: key) == nil {
      configuration.report("unknown key \"\(key)\"", key: key)
    }
  }

  func contains(_ key: Key) -> Bool { configuration[key.stringValue].kind != .missing }
  func decodeNil(forKey key: Key) -> Bool { !contains(key) }

  func decode<Value: Decodable>(_ type: Value.Type, forKey key: Key) throws -> Value {
    let value = configuration[key.stringValue]
    guard value.kind != .missing else { throw configuration.report("missing", key: key.stringValue) }
    return try ConfigurationDecoder(value).decode(type)
  }

  func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type, forKey key: Key
  ) throws -> KeyedDecodingContainer<Nested> {
    try ConfigurationDecoder(configuration[key.stringValue]).container(keyedBy: type)
  }

  func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
    try ConfigurationDecoder(configuration[key.stringValue]).unkeyedContainer()
  }

  func superDecoder() -> any Decoder { ConfigurationDecoder(configuration) }
  func superDecoder(forKey key: Key) -> any Decoder { ConfigurationDecoder(configuration[key.stringValue]) }
}

/// Decodes the elements of an array.
private struct ArrayDecoder: UnkeyedDecodingContainer {
  private let elements: [Configuration]
  private let configuration: Configuration
  var codingPath: [any CodingKey] { [] }
  var count: Int? { elements.count }
  private(set) var currentIndex = 0
  var isAtEnd: Bool { currentIndex == elements.count }

  init(_ configuration: Configuration) {
    self.configuration = configuration
    elements = configuration.elements
  }

  private mutating func next() throws -> ConfigurationDecoder {
    guard !isAtEnd else { throw configuration.report("there are only \(elements.count) elements") }
    defer { currentIndex += 1 }
    return ConfigurationDecoder(elements[currentIndex])
  }

  mutating func decodeNil() -> Bool { false }
  mutating func decode<Value: Decodable>(_ type: Value.Type) throws -> Value { try next().decode(type) }
  mutating func nestedContainer<Nested: CodingKey>(
    keyedBy type: Nested.Type
  ) throws -> KeyedDecodingContainer<Nested> { try next().container(keyedBy: type) }
  mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer { try next().unkeyedContainer() }
  mutating func superDecoder() throws -> any Decoder { try next() }
}

extension Configuration {
  fileprivate func mismatch(_ expected: String) -> ConfigurationError { report("expected \(expected)") }

  fileprivate func require<Value>(_ value: Value?, _ expected: String) throws -> Value {
    guard let value else { throw mismatch(expected) }
    return value
  }
}
