/// Where a value came from.
package enum Origin: Sendable, Hashable, CustomStringConvertible {
  /// Nobody set it.
  case builtIn
  case file(name: String, position: TextPosition)
  /// A flag as its user wrote it, such as `--workers` or `--set timeouts.head`.
  case flag(String)

  /// As the dump names it: `default`, `outrider.toml:12`, `--workers`.
  package var description: String {
    switch self {
    case .builtIn: "default"
    case .file(let name, let position): "\(name):\(position.line)"
    case .flag(let name): name
    }
  }
}

/// One thing wrong with the configuration.
package struct ConfigurationFault: Sendable, Hashable, CustomStringConvertible {
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

/// All that is wrong with the configuration: those of the file first, in its order, then those of flags. Never empty.
package struct ConfigurationFaults: Error, Sendable, CustomStringConvertible {
  package let faults: [ConfigurationFault]

  /// One fault a line.
  package var description: String { faults.map(\.description).joined(separator: "\n") }
}

/// The faults found so far.
struct FaultList {
  /// The most that are kept; a last one then says that there are more.
  static let limit = 100

  private var faults: [ConfigurationFault] = []
  private var hasMore = false

  /// Adds a fault; the message is made only if there is room for it.
  mutating func add(_ origin: Origin, _ message: @autoclosure () -> String) {
    if faults.count < Self.limit {
      faults.append(ConfigurationFault(origin: origin, message: message()))
    } else {
      hasMore = true
    }
  }

  /// Adds a fault of the value of `key`, which the message then begins with; a flag names its key itself.
  mutating func add(_ origin: Origin, key: String, _ message: String) {
    if case .flag = origin { add(origin, message) } else { add(origin, "\(key): \(message)") }
  }

  /// Throws if there are any.
  func check() throws(ConfigurationFaults) {
    if faults.isEmpty { return }
    var located: [(position: TextPosition, index: Int, fault: ConfigurationFault)] = []
    var others: [ConfigurationFault] = []
    for (index, fault) in faults.enumerated() {
      if case .file(_, let position) = fault.origin {
        located.append((position, index, fault))
      } else {
        others.append(fault)
      }
    }
    located.sort { ($0.position, $0.index) < ($1.position, $1.index) }
    var all = located.map(\.fault) + others
    if hasMore { all.append(ConfigurationFault(origin: .builtIn, message: "further faults are not listed")) }
    throw ConfigurationFaults(faults: all)
  }
}
