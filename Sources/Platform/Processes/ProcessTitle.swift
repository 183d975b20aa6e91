import CLinux

/// The title that ps and top show for a process instead of its command line.
package enum ProcessTitle {
  /// Reserves the memory of the command line for titles. Called first in a program with one thread, since strings of
  /// the environment may move.
  package static func reserveSpace() {
    // Makes Swift read the arguments before they are overwritten.
    _ = CommandLine.arguments
    outrider_reserve_title()
  }

  /// Sets the title to `outrider: ` and `text`.
  package static func set(_ text: String) { unsafe outrider_set_title("outrider: \(text)") }
}
