/// A key of the configuration: how it is read, checked and written, its default, where it is stored, and its text in
/// the manual.
struct KeyDescription<Root: Sendable>: Sendable {
  enum Default: Sendable, ExpressibleByStringLiteral {
    /// TOML, or a bare word, which is used as text.
    case value(String)
    /// The key is mandatory.
    case required
    /// Derived from other values, as described.
    case derived(String)

    init(stringLiteral value: String) { self = .value(value) }
  }

  /// The dotted name from the root of the file: `timeouts.head`, `listener.bind`.
  let name: String
  /// The form for the manual, such as `duration from 1ms to 1h`.
  let summary: String
  let defaultValue: Default
  /// One sentence for the manual.
  let documentation: String
  /// Whether the value is a table of its own in the dump.
  let isFreeTable: Bool
  /// Reads, checks and stores a value.
  let store: @Sendable (TOMLNode, inout Root) throws(ValueError) -> Void
  /// The stored value as TOML.
  let text: @Sendable (Root) -> String

  init<Value>(
    _ name: String, _ form: ValueForm<Value>, default defaultValue: Default,
    _ property: any WritableKeyPath<Root, Value> & Sendable, _ documentation: String
  ) {
    self.name = name
    self.defaultValue = defaultValue
    self.documentation = documentation
    summary = form.summary
    isFreeTable = Value.self == PluginConfig.self
    store = { node, root throws(ValueError) in root[keyPath: property] = try form.read(node) }
    text = { root in form.write(root[keyPath: property]) }
  }

  /// The table: `timeouts` for `timeouts.head`, `listener` for `listener.bind`.
  var table: String { DottedName.table(of: name) }
  /// The name in its table: `head` for `timeouts.head`.
  var leaf: String { DottedName.leaf(of: name) }
}

/// The parts of names such as `timeouts.head`.
enum DottedName {
  static func table(of name: String) -> String {
    name.lastIndex(of: ".").map { String(name[..<$0]) } ?? ""
  }

  static func leaf(of name: String) -> String {
    name.lastIndex(of: ".").map { String(name[name.index(after: $0)...]) } ?? name
  }
}

/// A value from the command line.
enum FlagValue {
  /// The value as TOML, or as text if it is a bare word.
  static func node(_ text: String) -> TOMLNode {
    let parsed = try? TOMLDocument.parse(Array("value = \(text)".utf8))
    if let entries = parsed?.entries, entries.count == 1, entries[0].key == "value" { return entries[0].node }
    return TOMLNode(value: .string(text), position: .start)
  }
}
