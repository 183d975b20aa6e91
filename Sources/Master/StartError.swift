import Platform
import Workers

/// Why a generation can't start: lines for the operator, and an exit code.
package struct StartError: Error, CustomStringConvertible {
  package let description: String
  package let code: ExitCode

  package init(_ description: String, _ code: ExitCode) {
    self.description = description
    self.code = code
  }

  package init(_ error: PluginSetError) { self.init(error.description, .configuration) }
}
