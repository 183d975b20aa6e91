/// An error in JSON text, and its position in bytes.
package struct JSONError: Error, Sendable, Equatable, CustomStringConvertible {
  package let reason: String
  package let offset: Int

  package init(reason: String, offset: Int) {
    self.reason = reason
    self.offset = offset
  }

  package var description: String { "\(reason) at byte \(offset + 1)" }
}
