/// What the value of a key looks like in TOML: how it is read, checked and written.
///
/// Each kind of value is one static function here or in an extension; a key of the schema names the one that it takes.
struct ValueForm<Value: Sendable>: Sendable {
  /// For the manual, such as `duration from 1ms to 1h`.
  let summary: String
  let read: @Sendable (TOMLNode) throws(ValueFaults) -> Value
  /// The value as TOML that `read` takes for the same value.
  let write: @Sendable (Value) -> String

  init(
    _ summary: String, read: @escaping @Sendable (TOMLNode) throws(ValueFaults) -> Value,
    write: @escaping @Sendable (Value) -> String
  ) {
    self.summary = summary
    self.read = read
    self.write = write
  }
}

extension ValueForm<Int> {
  static func integer(_ range: ClosedRange<Int>) -> ValueForm {
    ValueForm("integer from \(range.lowerBound) to \(range.upperBound)") { node throws(ValueFaults) in
      guard case .integer(let number) = node.value else { throw ValueFaults(node, expected: "an integer") }
      try checkRange(Int(number), range, node) { "\($0)" }
      return Int(number)
    } write: {
      "\($0)"
    }
  }

  /// Bytes: a whole number, or text with a unit.
  static func size(_ range: ClosedRange<Int>) -> ValueForm {
    let notation = UnitNotation.size
    let show: @Sendable (Int) -> String = { notation.text(of: UInt64(max(0, $0))) }
    return ValueForm("size from \(show(range.lowerBound)) to \(show(range.upperBound))") { node throws(ValueFaults) in
      let bytes: Int
      if case .integer(let number) = node.value {
        guard number >= 0 else { throw ValueFaults(node, "\(number) is below the least, \(show(range.lowerBound))") }
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
      node throws(ValueFaults) in
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
    ValueForm("boolean") { node throws(ValueFaults) in
      guard case .boolean(let flag) = node.value else { throw ValueFaults(node, expected: "true or false") }
      return flag
    } write: {
      "\($0)"
    }
  }
}

extension ValueForm<String> {
  /// Text that `check` does not refuse.
  static func text(
    _ summary: String, check: @escaping @Sendable (String) throws(Refusal) -> Void = { _ throws(Refusal) in }
  ) -> ValueForm {
    ValueForm(summary) { node throws(ValueFaults) in
      let text = try readText(node)
      try refusing(node) { () throws(Refusal) in try check(text) }
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
    return ValueForm("one of \(names)") { node throws(ValueFaults) in
      if case .string(let name) = node.value {
        if let value = Value(rawValue: name) { return value }
      }
      throw ValueFaults(node, expected: "one of \(names)")
    } write: {
      QuotedText.toml($0.rawValue)
    }
  }
}

extension ValueForm {
  /// Some of the names of an enumeration, at least one and none twice.
  static func choices<Element>() -> ValueForm
  where Value == [Element], Element: RawRepresentable<String> & CaseIterable & Sendable & Hashable {
    let one = ValueForm<Element>.choice()
    return ValueForm("array with some of \(one.summary.dropFirst("one of ".count))") { node throws(ValueFaults) in
      try readElements(node, expected: "an array with at least one of \(one.summary.dropFirst("one of ".count))") {
        element throws(ValueFaults) in try one.read(element)
      }
    } write: {
      "[\($0.map { one.write($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<[String]> {
  /// Names of hosts; in lower case when read.
  static var hostNames: ValueForm {
    ValueForm("array of host names such as \"example.org\" and \"*.example.org\"") { node throws(ValueFaults) in
      try readElements(node, expected: "an array of host names") { element throws(ValueFaults) in
        let name = try readText(element)
        try refusing(element) { () throws(Refusal) in try ServerNameSettings.checkName(name) }
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
    ValueForm("integer from \(range.lowerBound) to \(range.upperBound), or \"auto\"") { node throws(ValueFaults) in
      switch node.value {
      case .string("auto"): return .perCore
      case .integer(let number):
        try checkRange(Int(number), range, node) { "\($0)" }
        return .fixed(Int(number))
      default: throw ValueFaults(node, expected: "a number or \"auto\"")
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
    ValueForm("host:port, [v6]:port, unix:/path, fd:N or systemd:NAME") { node throws(ValueFaults) in
      let text = try readText(node)
      return try refusing(node) { () throws(Refusal) in try BindAddress(text) }
    } write: {
      QuotedText.toml($0.description)
    }
  }
}

extension ValueForm<AccessFormat> {
  static var accessFormat: ValueForm {
    ValueForm("\"common\", \"combined\", \"json\" or a format") { node throws(ValueFaults) in
      let text = try readText(node)
      return try refusing(node) { () throws(Refusal) in try AccessFormat(text) }
    } write: {
      QuotedText.toml($0.text)
    }
  }
}

extension ValueForm<BindAddress?> {
  /// Where the supervisor itself listens, with a socket that is not passed to it.
  static var metricsAddress: ValueForm {
    ValueForm("host:port, [v6]:port or unix:/path; empty for none") { node throws(ValueFaults) in
      let text = try readText(node)
      if text.isEmpty { return nil }
      return try refusing(node) { () throws(Refusal) in
        let address = try BindAddress(text)
        switch address {
        case .inet, .unix: return address
        case .descriptor, .systemd: throw Refusal(reason: "expected host:port, [v6]:port or unix:/path")
        }
      }
    } write: {
      QuotedText.toml($0?.description ?? "")
    }
  }
}

extension ValueForm<FileMode> {
  static var fileMode: ValueForm {
    ValueForm("octal digits in quotes, such as \"0660\"") { node throws(ValueFaults) in
      guard case .string(let text) = node.value, (1...4).contains(text.utf8.count),
        let bits = UInt32(text, radix: 8), bits <= 0o777
      else {
        throw ValueFaults(node, expected: "octal digits in quotes, up to \"0777\"")
      }
      return FileMode(bits: bits)
    } write: {
      QuotedText.toml($0.description)
    }
  }
}

extension ValueForm<TrustedPeers> {
  static var trustedPeers: ValueForm {
    ValueForm("array of addresses, networks such as \"10.0.0.0/8\", and \"unix\"") { node throws(ValueFaults) in
      guard case .array(let elements) = node.value else { throw ValueFaults(node, expected: "an array of addresses") }
      var peers = TrustedPeers()
      var faults: [ValueFault] = []
      for element in elements {
        do throws(ValueFaults) {
          let text = try readText(element)
          try refusing(element) { () throws(Refusal) in try peers.insert(text) }
        } catch {
          faults += error.faults
        }
      }
      guard faults.isEmpty else { throw ValueFaults(faults) }
      return peers
    } write: {
      "[\($0.texts.map { QuotedText.toml($0) }.joined(separator: ", "))]"
    }
  }
}

extension ValueForm<PluginConfig> {
  /// A table of anything.
  static var freeTable: ValueForm {
    ValueForm("table") { node throws(ValueFaults) in
      guard case .table(let table) = node.value else { throw ValueFaults(node, expected: "a table") }
      return try PluginConfig(table)
    } write: {
      TOMLText.value(.table($0.table))
    }
  }
}

/// The elements of an array that has some, none of them twice.
private func readElements<Element: Hashable>(
  _ node: TOMLNode, expected: String, _ read: (TOMLNode) throws(ValueFaults) -> Element
) throws(ValueFaults) -> [Element] {
  guard case .array(let nodes) = node.value, !nodes.isEmpty else { throw ValueFaults(node, expected: expected) }
  var elements: [Element] = []
  var faults: [ValueFault] = []
  for node in nodes {
    do throws(ValueFaults) {
      let element = try read(node)
      if elements.contains(element) { throw ValueFaults(node, "stands here already") }
      elements.append(element)
    } catch {
      faults += error.faults
    }
  }
  guard faults.isEmpty else { throw ValueFaults(faults) }
  return elements
}

private func readText(_ node: TOMLNode) throws(ValueFaults) -> String {
  guard case .string(let text) = node.value else { throw ValueFaults(node, expected: "text in quotes") }
  return text
}

private func readUnits(_ node: TOMLNode, _ notation: UnitNotation) throws(ValueFaults) -> UInt64 {
  guard case .string(let text) = node.value else { throw ValueFaults(node, expected: notation.example) }
  do throws(UnitNotation.Failure) {
    return try notation.value(of: text)
  } catch {
    switch error {
    case .malformed: throw ValueFaults(node, expected: notation.example)
    case .tooLarge: return .max
    }
  }
}

private func checkRange<Number: Comparable>(
  _ value: Number, _ range: ClosedRange<Number>, _ node: TOMLNode, _ show: (Number) -> String
) throws(ValueFaults) {
  // What was written, where that says more than the number: "5000ms" stays that.
  var shown: String {
    if case .string(let text) = node.value { QuotedText.shortened(text, to: 64) } else { show(value) }
  }
  if value < range.lowerBound {
    throw ValueFaults(node, "\(shown) is below the least, \(show(range.lowerBound))")
  }
  if value > range.upperBound {
    throw ValueFaults(node, "\(shown) is above the most, \(show(range.upperBound))")
  }
}

/// Places a refusal at its node.
private func refusing<Value>(
  _ node: TOMLNode, _ body: () throws(Refusal) -> Value
) throws(ValueFaults) -> Value {
  do throws(Refusal) { return try body() } catch { throw ValueFaults(node, error.reason) }
}
