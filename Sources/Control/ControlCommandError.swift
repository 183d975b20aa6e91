/// Why a line on the control socket is refused; the text is for the client.
package struct ControlCommandError: Error, Sendable, Equatable {
  package let reason: String
  /// The line is not a command: nothing more is read from its connection.
  package let isMalformed: Bool

  package init(reason: String, isMalformed: Bool = false) {
    self.reason = reason
    self.isMalformed = isMalformed
  }
}
