/// The version of the state that a supervisor leaves to its successor. It is increased when programs of different
/// versions can't read each other's records, but not for additional kinds and keys.
package enum StateVersion {
  static let number = 3
  /// A program whose version output has this line with that number can take over.
  static let prefix = "supervisor state "

  /// The line in the output of `--version`.
  package static var line: String { "\(prefix)\(number)" }
}
