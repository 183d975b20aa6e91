/// Why a plugin can't serve: one line for the operator.
package struct LoadFault: Error, CustomStringConvertible {
  package let description: String

  package init(plugin: String, path: String, _ reason: String) {
    description = "plugin \"\(plugin)\": \(path): \(reason)"
  }
}
