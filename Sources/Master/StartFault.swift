import Platform
import Workers

/// Why a generation can't start: lines for the operator, and the exit code that goes with them.
package struct StartFault: Error, CustomStringConvertible {
  package let description: String
  package let code: ExitCode

  package init(_ description: String, _ code: ExitCode) {
    self.description = description
    self.code = code
  }

  package init(_ faults: PluginFaults) { self.init(faults.description, .configuration) }
}
