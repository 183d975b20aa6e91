/// The origin of a value.
package enum Origin: Sendable, Hashable, CustomStringConvertible {
  /// The built-in default.
  case builtIn
  case file(name: String, position: TextPosition)
  /// A flag as written by the user, such as `--workers` or `--set timeouts.head`.
  case flag(String)

  /// The form in the dump: `default`, `outrider.toml:12`, `--workers`.
  package var description: String {
    switch self {
    case .builtIn: "default"
    case .file(let name, let position): "\(name):\(position.line)"
    case .flag(let name): name
    }
  }
}

/// One error in the configuration, with its origin.
package struct ConfigurationDiagnostic: Sendable, Hashable, CustomStringConvertible {
  package let origin: Origin
  package let message: String

  package init(origin: Origin, message: String) {
    self.origin = origin
    self.message = message
  }

  /// `file:line:column: message`, or `--set timeouts.head: message`.
  package var description: String {
    switch origin {
    case .builtIn: message
    case .file(let name, let position): "\(name):\(position.line):\(position.column): \(message)"
    case .flag(let name): "\(name): \(message)"
    }
  }
}

/// The errors in the configuration: those of the file in its order, then those of flags. Never empty.
package struct ConfigurationError: Error, Sendable, CustomStringConvertible {
  package let diagnostics: [ConfigurationDiagnostic]

  /// A line for each diagnostic.
  package var description: String { diagnostics.map(\.description).joined(separator: "\n") }
}

/// Collects diagnostics.
struct DiagnosticList {
  /// The maximum number of diagnostics; a last one then says that there are more.
  static let limit = 100

  private var diagnostics: [ConfigurationDiagnostic] = []
  private var hasMore = false

  /// Adds a diagnostic. The message is evaluated only if there is room.
  mutating func add(_ origin: Origin, _ message: @autoclosure () -> String) {
    if diagnostics.count < Self.limit {
      diagnostics.append(ConfigurationDiagnostic(origin: origin, message: message()))
    } else {
      hasMore = true
    }
  }

  /// Adds a diagnostic about the value of `key`, with which the message begins unless the origin is a flag that names
  /// the key.
  mutating func add(_ origin: Origin, key: String, _ message: String) {
    if case .flag = origin { add(origin, message) } else { add(origin, "\(key): \(message)") }
  }

  /// Throws if there are any diagnostics.
  func check() throws(ConfigurationError) {
    if diagnostics.isEmpty { return }
    var located: [(position: TextPosition, index: Int, diagnostic: ConfigurationDiagnostic)] = []
    var others: [ConfigurationDiagnostic] = []
    for (index, diagnostic) in diagnostics.enumerated() {
      if case .file(_, let position) = diagnostic.origin {
        located.append((position, index, diagnostic))
      } else {
        others.append(diagnostic)
      }
    }
    located.sort { ($0.position, $0.index) < ($1.position, $1.index) }
    var all = located.map(\.diagnostic) + others
    if hasMore { all.append(ConfigurationDiagnostic(origin: .builtIn, message: "further faults are not listed")) }
    throw ConfigurationError(diagnostics: all)
  }
}
