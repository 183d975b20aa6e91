/// A command on the control socket: one JSON object a line, with the name as `command`.
package enum ControlCommand: Sendable, Equatable {
  case status, workers, listeners, plugins, config, metrics
  case reload, reopen
  /// Replace the supervisor's program by the one on disk.
  case upgrade
  case scale(Scale)
  case retire(pid: Int32)
  case stop(now: Bool)

  package enum Scale: Sendable, Equatable {
    /// The number of workers to add; negative to remove.
    case by(Int)
    /// The number of workers.
    case to(Int)

    /// Whether it changes anything, leaves at least one worker, and is within the limits.
    package var isValid: Bool {
      switch self {
      case .by(let change): change != 0 && (-ControlCommand.maxScale...ControlCommand.maxScale).contains(change)
      case .to(let count): (1...ControlCommand.maxScale).contains(count)
      }
    }
  }

  /// The default of `control.socket`.
  package static let defaultSocket = "/run/outrider/control.sock"
  /// The maximum length of a line, including its end.
  package static let maxLineLength = 4096
  /// The maximum number of workers that a command can add, remove or request.
  package static let maxScale = 1024

  package var name: String {
    switch self {
    case .status: "status"
    case .workers: "workers"
    case .listeners: "listeners"
    case .plugins: "plugins"
    case .config: "config"
    case .metrics: "metrics"
    case .reload: "reload"
    case .reopen: "reopen"
    case .upgrade: "upgrade"
    case .scale: "scale"
    case .retire: "retire"
    case .stop: "stop"
    }
  }

  /// The commands without parameters.
  package static let plain: [ControlCommand] = [
    .status, .workers, .listeners, .plugins, .config, .metrics, .reload, .reopen, .upgrade,
  ]

  private static let expectedScale =
    "scale: expected \"to\", a number from 1 to \(maxScale), or \"by\", a number other than 0 from \(-maxScale) to \(maxScale)"

  /// The line on the socket, without its end.
  package var json: JSON {
    var members = [JSON.Member("command", .string(name))]
    switch self {
    case .scale(.by(let change)): members.append(JSON.Member("by", .integer(change)))
    case .scale(.to(let count)): members.append(JSON.Member("to", .integer(count)))
    case .retire(let pid): members.append(JSON.Member("pid", .integer(pid)))
    case .stop(let now): members.append(JSON.Member("now", .boolean(now)))
    default: break
    }
    return .object(members)
  }

  /// Parses a line.
  package init(line: [UInt8]) throws(ControlCommandError) {
    let json: JSON
    do throws(JSONError) {
      json = try JSONReader.read(line)
    } catch {
      throw ControlCommandError(reason: "not JSON: \(error)", isMalformed: true)
    }
    guard case .object(let members) = json else {
      throw ControlCommandError(reason: "expected one JSON object a line", isMalformed: true)
    }
    guard let name = json["command"]?.text else { throw ControlCommandError(reason: "expected \"command\", a string") }
    let parameters: [String]
    if let command = ControlCommand.plain.first(where: { $0.name == name }) {
      self = command
      parameters = []
    } else {
      switch name {
      case "scale":
        let isRelative = json["by"] != nil
        guard let number = json[isRelative ? "by" : "to"]?.number.map({ Int(clamping: $0) }) else {
          throw ControlCommandError(reason: ControlCommand.expectedScale)
        }
        let scale = isRelative ? Scale.by(number) : .to(number)
        guard scale.isValid else { throw ControlCommandError(reason: ControlCommand.expectedScale) }
        self = .scale(scale)
        parameters = [isRelative ? "by" : "to"]
      case "retire":
        guard let number = json["pid"]?.number, let pid = Int32(exactly: number), pid > 0 else {
          throw ControlCommandError(reason: "retire: expected \"pid\", the process id of a worker")
        }
        self = .retire(pid: pid)
        parameters = ["pid"]
      case "stop":
        guard let now = json["now"].map({ $0.truth }) ?? false else {
          throw ControlCommandError(reason: "stop: expected \"now\" to be true or false")
        }
        self = .stop(now: now)
        parameters = ["now"]
      default: throw ControlCommandError(reason: "unknown command \(JSON.string(String(name.prefix(40))))")
      }
    }
    if let odd = members.first(where: { $0.name != "command" && !parameters.contains($0.name) }) {
      throw ControlCommandError(reason: "\(name): unknown parameter \(JSON.string(String(odd.name.prefix(40))))")
    }
  }
}
