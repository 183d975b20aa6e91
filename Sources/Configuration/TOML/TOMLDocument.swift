import CTomlPlusPlus

/// A syntax error in TOML, and its position.
struct TOMLError: Error {
  let position: TextPosition
  let message: String
}

/// TOML text, parsed by toml++ and copied into Swift values.
enum TOMLDocument {
  /// The root table of `bytes`.
  static func parse(_ bytes: [UInt8]) throws(TOMLError) -> TOMLTable {
    try TOMLNesting.check(bytes)
    guard let parsed = ParsedDocument(bytes) else {
      throw TOMLError(position: .start, message: "out of memory")
    }
    if let error = parsed.error { throw error }
    return parsed.root
  }
}

/// The owner of a toml++ document.
///
/// Safe: the pointer is private and freed once, and no pointer into the document leaves this type.
@safe
private struct ParsedDocument: ~Copyable {
  private let document: OpaquePointer

  init?(_ bytes: [UInt8]) {
    let parsed = unsafe bytes.withUnsafeBytes { raw in
      unsafe outrider_toml_parse(raw.baseAddress?.assumingMemoryBound(to: CChar.self), raw.count)
    }
    guard let parsed = unsafe parsed else { return nil }
    unsafe document = parsed
  }

  deinit { unsafe outrider_toml_free(document) }

  var error: TOMLError? {
    let text = unsafe Self.string(outrider_toml_error(document))
    if text.isEmpty { return nil }
    let cause = "Error while "
    let message = text.hasPrefix(cause) ? "while \(text.dropFirst(cause.count))" : text
    return TOMLError(
      position: Self.position(unsafe outrider_toml_error_position(document)),
      message: "syntax error \(QuotedText.shortened(message, to: 300))")
  }

  var root: TOMLTable {
    var next = 0
    guard unsafe outrider_toml_node_count(document) > 0, case .table(let table) = node(&next).value else {
      return TOMLTable()
    }
    return table
  }

  /// Copies the node at `next` with its children, and advances `next` behind them. The shim lists nodes in this order,
  /// and each states the number of its children.
  private func node(_ next: inout Int) -> TOMLNode {
    let flat = unsafe flatNode(next)
    next += 1
    let value: TOMLValue
    switch unsafe flat.kind {
    case outrider_toml_table:
      var table = TOMLTable()
      for _ in 0..<(unsafe flat.child_count) {
        let child = unsafe flatNode(next)
        let key = unsafe Self.string(child.key)
        let keyPosition = Self.position(unsafe child.key_position)
        table.entries.append(TOMLEntry(key: key, keyPosition: keyPosition, node: node(&next)))
      }
      value = .table(table)
    case outrider_toml_array:
      value = .array((0..<(unsafe flat.child_count)).map { _ in node(&next) })
    case outrider_toml_integer: value = unsafe .integer(flat.integer)
    case outrider_toml_floating: value = unsafe .float(flat.floating)
    case outrider_toml_boolean: value = unsafe .boolean(flat.integer != 0)
    case outrider_toml_date: value = unsafe .date(Self.string(flat.text))
    default: value = unsafe .string(Self.string(flat.text))
    }
    return TOMLNode(value: value, position: Self.position(unsafe flat.position))
  }

  private func flatNode(_ index: Int) -> outrider_toml_node {
    // A buffer, so that the index is checked.
    unsafe UnsafeBufferPointer(
      start: outrider_toml_nodes(document), count: outrider_toml_node_count(document))[index]
  }

  private static func string(_ text: outrider_toml_text) -> String {
    // The bytes live as long as the document; the string is a copy.
    unsafe String(decoding: UnsafeRawBufferPointer(start: text.bytes, count: text.count), as: UTF8.self)
  }

  private static func position(_ position: outrider_toml_position) -> TextPosition {
    TextPosition(line: max(1, Int(position.line)), column: max(1, Int(position.column)))
  }
}
