/// Why the text of a value is invalid, as a clause of a diagnostic.
struct ValueSyntaxError: Error {
  let reason: String
}

/// An error in a value, with its position.
struct ValueDiagnostic: Sendable {
  let position: TextPosition
  let message: String
}

/// The errors in a value.
struct ValueError: Error {
  var diagnostics: [ValueDiagnostic]

  init(_ diagnostics: [ValueDiagnostic]) { self.diagnostics = diagnostics }

  init(_ node: TOMLNode, _ message: String) {
    diagnostics = [ValueDiagnostic(position: node.position, message: message)]
  }

  /// `expected a duration such as "30s", found an integer`.
  init(_ node: TOMLNode, expected: String) {
    let found = if case .string(let text) = node.value { QuotedText.shown(text) } else { node.typeName }
    self.init(node, "expected \(expected), found \(found)")
  }
}
