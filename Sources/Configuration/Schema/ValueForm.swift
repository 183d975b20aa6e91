/// The TOML form of a key's value: how it is read, checked and written.
///
/// Each form is one static function here or in an extension; a key of the schema names its form.
struct ValueForm<Value: Sendable>: Sendable {
  /// The description for the manual, such as `duration from 1ms to 1h`.
  let summary: String
  let read: @Sendable (TOMLNode) throws(ValueError) -> Value
  /// Writes the value as TOML, from which `read` gets the same value.
  let write: @Sendable (Value) -> String

  init(
    _ summary: String, read: @escaping @Sendable (TOMLNode) throws(ValueError) -> Value,
    write: @escaping @Sendable (Value) -> String
  ) {
    self.summary = summary
    self.read = read
    self.write = write
  }
}

extension ValueForm<Int> {
  static func integer(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm("integer from \(range.lowerBound) to \(range.upperBound)") { node throws(ValueError) in
      guard case .integer(let number) = node.value else { throw ValueError(node, expected: "an integer") }
      try checkRange(Int(number), range, node) { "\($0)" }
      return Int(number)
    } write: {
      "\($0)"
    }
  }

  /// A number of bytes: an integer, or text with a unit.
  static func size(_ range: ClosedRange<Int>) -> ValueForm {
    let notation = UnitNotation.size
    let show: @Sendable (Int) -> String = { notation.text(of: UInt64(max(0, $0))) }
    return ValueForm("size from \(show(range.lowerBound)) to \(show(range.upperBound))") { node throws(ValueError) in
      let bytes: Int
      if case .integer(let number) = node.value {
        guard number >= 0 else { throw ValueError(node, "\(number) is below the minimum, \(show(range.lowerBound))") }
        bytes = Int(number)
      } else {
        bytes = Int(clamping: try readUnits(node, notation))
      }
      try checkRange(bytes, range, node, show)
      return bytes
    } write: {
      QuotedText.toml(show($0))
    }
  }
}

extension ValueForm<Nanoseconds> {
  /// Text with a unit, or a bare 0.
  static func duration(_ range: ClosedRange<Nanoseconds>) -> ValueForm {
    let notation = UnitNotation.duration
    let show: @Sendable (Nanoseconds) -> String = { $0 == 0 ? "0s" : notation.text(of: $0) }
    return ValueForm("duration from \(show(range.lowerBound)) to \(show(range.upperBound))") {
      node throws(ValueError) in
      let span = if case .integer(0) = node.value { Nanoseconds(0) } else { try readUnits(node, notation) }
      try checkRange(span, range, node, show)
      return span
    } write: {
      QuotedText.toml(show($0))
    }
  }
}

extension ValueForm<Bool> {
  static var boolean: ValueForm {
    ValueForm("boolean") { node throws(ValueError) in
      guard case .boolean(let flag) = node.value else { throw ValueError(node, expected: "true or false") }
      return flag
    } write: {
      "\($0)"
    }
  }
}

extension ValueForm<String> {
  /// Text that `check` accepts.
  static func text(
    _ summary: String,
    check: @escaping @Sendable (String) throws(ValueSyntaxError) -> Void = { _ throws(ValueSyntaxError) in }
  ) -> ValueForm {
    ValueForm(summary) { node throws(ValueError) in
      let text = try readText(node)
      try refusing(node) { () throws(ValueSyntaxError) in try check(text) }
      return text
    } write: {
      QuotedText.toml($0)
    }
  }
}

extension ValueForm where Value: RawRepresentable<String> & CaseIterable {
  /// One of the names of an enumeration.
  static func choice() -> ValueForm {
    let names = Value.allCases.map { QuotedText.toml($0.rawValue) }.joined(separator: ", ")
    return ValueForm("one of \(names)") { node throws(ValueError) in
      if case .string(let name) = node.value {
        if let value = Value(rawValue: name) { return value }
      }
      throw ValueError(node, expected: "one of \(names)")
    } write: {
      QuotedText.toml($0.rawValue)
    }
  }
}

extension ValueForm {
  /// Some of the names of an enumeration, each at most once.
  ///
  /// - Parameter mayBeEmpty: whether the array may be empty.
  static func choices<Element>(orNone mayBeEmpty: Bool = false) -> ValueForm
  where Value == [Element], Element: RawRepresentable<String> & CaseIterable & Sendable & Hashable {
    let one = ValueForm<Element>.choice()
    let names = one.summary.dropFirst("one of ".count)
    return ValueForm("array of \(mayBeEmpty ? "zero" : "one") or more of \(names)") { node throws(ValueError) in
      if mayBeEmpty, case .array(let elements) = node.value, elements.isEmpty { return [] }
      return try readElements(node, expected: "an array with \(mayBeEmpty ? "some" : "at least one") of \(names)") {
        element throws(ValueError) in try one.read(element)
      }
    } write: {
      "[\($0.map { one.write($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<[String]> {
  /// Host names; converted to lower case when read.
  static var hostNames: ValueForm {
    ValueForm("array of host names such as \"example.org\" and \"*.example.org\"") { node throws(ValueError) in
      try readElements(node, expected: "an array of host names") { element throws(ValueError) in
        let name = try readText(element)
        try refusing(element) { () throws(ValueSyntaxError) in try ServerNameSettings.checkName(name) }
        return name.lowercased()
      }
    } write: {
      "[\($0.map { QuotedText.toml($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<WorkerCount> {
  /// A number, or `"auto"`.
  static func workerCount(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm("integer from \(range.lowerBound) to \(range.upperBound), or \"auto\"") { node throws(ValueError) in
      switch node.value {
      case .string("auto"): return .perCore
      case .integer(let number):
        try checkRange(Int(number), range, node) { "\($0)" }
        return .fixed(Int(number))
      default: throw ValueError(node, expected: "a number or \"auto\"")
      }
    } write: { count in
      switch count {
      case .perCore: "\"auto\""
      case .fixed(let number): "\(number)"
      }
    }
  }
}

extension ValueForm<BindAddress> {
  static var bindAddress: ValueForm {
    ValueForm("host:port, [v6]:port, unix:/path, fd:N or systemd:NAME") { node throws(ValueError) in
      let text = try readText(node)
      return try refusing(node) { () throws(ValueSyntaxError) in try BindAddress(text) }
    } write: {
      QuotedText.toml($0.description)
    }
  }
}

extension ValueForm<AccessFormat> {
  static var accessFormat: ValueForm {
    ValueForm("\"common\", \"combined\", \"json\" or a format of your own") { node throws(ValueError) in
      let text = try readText(node)
      return try refusing(node) { () throws(ValueSyntaxError) in try AccessFormat(text) }
    } write: {
      QuotedText.toml($0.text)
    }
  }
}

extension ValueForm<BindAddress?> {
  /// The address of a socket of the supervisor, which can't be one that is passed to it.
  static var metricsAddress: ValueForm {
    ValueForm("host:port, [v6]:port or unix:/path; empty for none") { node throws(ValueError) in
      let text = try readText(node)
      if text.isEmpty { return nil }
      return try refusing(node) { () throws(ValueSyntaxError) in
        let address = try BindAddress(text)
        switch address {
        case .inet, .unix: return address
        case .descriptor, .systemd: throw ValueSyntaxError(reason: "expected host:port, [v6]:port or unix:/path")
        }
      }
    } write: {
      QuotedText.toml($0?.description ?? "")
    }
  }
}

extension ValueForm<FileMode> {
  static var fileMode: ValueForm {
    ValueForm("octal digits in quotes, such as \"0660\"") { node throws(ValueError) in
      guard case .string(let text) = node.value, (1...4).contains(text.utf8.count),
        let bits = UInt32(text, radix: 8), bits <= 0o777
      else {
        throw ValueError(node, expected: "octal digits in quotes, up to \"0777\"")
      }
      return FileMode(bits: bits)
    } write: {
      QuotedText.toml($0.description)
    }
  }
}

extension ValueForm<TrustedPeers> {
  static var trustedPeers: ValueForm {
    ValueForm("array of addresses, networks such as \"10.0.0.0/8\", and \"unix\"") { node throws(ValueError) in
      guard case .array(let elements) = node.value else { throw ValueError(node, expected: "an array of addresses") }
      var peers = TrustedPeers()
      var diagnostics: [ValueDiagnostic] = []
      for element in elements {
        do throws(ValueError) {
          let text = try readText(element)
          try refusing(element) { () throws(ValueSyntaxError) in try peers.insert(text) }
        } catch {
          diagnostics += error.diagnostics
        }
      }
      guard diagnostics.isEmpty else { throw ValueError(diagnostics) }
      return peers
    } write: {
      "[\($0.texts.map { QuotedText.toml($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<AllowedOrigins> {
  static var allowedOrigins: ValueForm {
    ValueForm("array of origins such as \"https://example.org\", or [\"*\"] for all") { node throws(ValueError) in
      if case .array(let elements) = node.value, elements.count == 1, case .string("*") = elements[0].value {
        return .all
      }
      return .some(
        try readElements(node, expected: "an array of origins") { element throws(ValueError) in
          let text = try readText(element)
          return try refusing(element) { () throws(ValueSyntaxError) in try AllowedOrigins.element(text) }
        })
    } write: {
      "[\($0.texts.map { QuotedText.toml($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<[String]> {
  /// Any texts; a single one may stand by itself.
  static var texts: ValueForm {
    ValueForm("text, or array of text") { node throws(ValueError) in
      guard case .array(let elements) = node.value else { return [try readText(node)] }
      return try elements.map { element throws(ValueError) in try readText(element) }
    } write: {
      "[\($0.map { QuotedText.toml($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<PythonSettings.TextTable> {
  static var textTable: ValueForm {
    ValueForm("table of text") { node throws(ValueError) in
      guard case .table(let table) = node.value else { throw ValueError(node, expected: "a table of text") }
      var diagnostics: [ValueDiagnostic] = []
      for entry in table.entries {
        do throws(ValueError) {
          _ = try readText(entry.node)
        } catch {
          diagnostics += error.diagnostics
        }
      }
      guard diagnostics.isEmpty else { throw ValueError(diagnostics) }
      return PythonSettings.TextTable(table: table)
    } write: {
      TOMLText.value(.table($0.table))
    }
  }
}

extension ValueForm<PluginConfig> {
  /// A table with any content.
  static var freeTable: ValueForm {
    ValueForm("table") { node throws(ValueError) in
      guard case .table(let table) = node.value else { throw ValueError(node, expected: "a table") }
      return try PluginConfig(table)
    } write: {
      TOMLText.value(.table($0.table))
    }
  }
}

/// The elements of a nonempty array without duplicates.
private func readElements<Element: Hashable>(
  _ node: TOMLNode, expected: String, _ read: (TOMLNode) throws(ValueError) -> Element
) throws(ValueError) -> [Element] {
  guard case .array(let nodes) = node.value, !nodes.isEmpty else { throw ValueError(node, expected: expected) }
  var elements: [Element] = []
  var diagnostics: [ValueDiagnostic] = []
  for node in nodes {
    do throws(ValueError) {
      let element = try read(node)
      if elements.contains(element) { throw ValueError(node, "is listed twice") }
      elements.append(element)
    } catch {
      diagnostics += error.diagnostics
    }
  }
  guard diagnostics.isEmpty else { throw ValueError(diagnostics) }
  return elements
}

private func readText(_ node: TOMLNode) throws(ValueError) -> String {
  guard case .string(let text) = node.value else { throw ValueError(node, expected: "text in quotes") }
  return text
}

private func readUnits(_ node: TOMLNode, _ notation: UnitNotation) throws(ValueError) -> UInt64 {
  guard case .string(let text) = node.value else { throw ValueError(node, expected: notation.example) }
  do throws(UnitNotation.UnitNotationError) {
    return try notation.value(of: text)
  } catch {
    switch error {
    case .malformed: throw ValueError(node, expected: notation.example)
    case .tooLarge: return .max
    }
  }
}

private func checkRange<Number: Comparable>(
  _ value: Number, _ range: ClosedRange<Number>, _ node: TOMLNode, _ show: (Number) -> String
) throws(ValueError) {
  // The value as written, if that is more specific than the number: "5000ms" remains "5000ms".
  var shown: String {
    if case .string(let text) = node.value { QuotedText.shortened(text, to: 64) } else { show(value) }
  }
  if value < range.lowerBound {
    throw ValueError(node, "\(shown) is below the minimum, \(show(range.lowerBound))")
  }
  if value > range.upperBound {
    throw ValueError(node, "\(shown) is above the maximum, \(show(range.upperBound))")
  }
}

/// Adds the position of a node to an error.
private func refusing<Value>(
  _ node: TOMLNode, _ body: () throws(ValueSyntaxError) -> Value
) throws(ValueError) -> Value {
  do throws(ValueSyntaxError) { return try body() } catch { throw ValueError(node, error.reason) }
}
