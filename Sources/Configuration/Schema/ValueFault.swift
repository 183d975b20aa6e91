/// Why a text is not what it should be, as a clause of a fault.
struct Refusal: Error {
  let reason: String
}

/// What is wrong with a value, and at which part of it.
struct ValueFault: Sendable {
  let position: TextPosition
  let message: String
}

struct ValueFaults: Error {
  var faults: [ValueFault]

  init(_ faults: [ValueFault]) { self.faults = faults }

  init(_ node: TOMLNode, _ message: String) {
    faults = [ValueFault(position: node.position, message: message)]
  }

  /// `expected a duration such as "30s", found an integer`.
  init(_ node: TOMLNode, expected: String) {
    let found = if case .string(let text) = node.value { QuotedText.shown(text) } else { node.typeName }
    self.init(node, "expected \(expected), found \(found)")
  }
}
