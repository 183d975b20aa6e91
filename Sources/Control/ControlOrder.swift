/// What the control socket is asked: one JSON object a line, with the order's name as `command`.
package enum ControlOrder: Sendable, Equatable {
  case status, workers, listeners, plugins, config, metrics
  case reload, reopen
  /// So many workers more, or fewer.
  case scale(Int)
  case retire(pid: Int32)
  case stop(now: Bool)

  /// The socket where the configuration does not name another.
  package static let usualSocket = "/run/outrider/control.sock"
  /// The longest line that asks for something, its end included.
  package static let longestLine = 4096
  /// The most workers that one order can add or remove.
  package static let mostScale = 1024

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
    case .scale: "scale"
    case .retire: "retire"
    case .stop: "stop"
    }
  }

  /// Those without parameters, by their names.
  private static let plain: [ControlOrder] = [
    .status, .workers, .listeners, .plugins, .config, .metrics, .reload, .reopen,
  ]

  /// What is wrong with a line, for whoever has sent it.
  package struct Fault: Error, Sendable, Equatable {
    package let reason: String
    /// It is no order at all: what follows it on its connection is not read, whatever its sender takes it for.
    package let isMalformed: Bool

    package init(reason: String, isMalformed: Bool = false) {
      self.reason = reason
      self.isMalformed = isMalformed
    }
  }

  /// As it goes over the socket, without the line's end.
  package var json: JSON {
    var members = [JSON.Member("command", .string(name))]
    switch self {
    case .scale(let change): members.append(JSON.Member("by", .integer(change)))
    case .retire(let pid): members.append(JSON.Member("pid", .integer(pid)))
    case .stop(let now): members.append(JSON.Member("now", .boolean(now)))
    default: break
    }
    return .object(members)
  }

  /// Reads a line.
  package init(line: [UInt8]) throws(Fault) {
    let json: JSON
    do throws(JSONReader.Fault) {
      json = try JSONReader.read(line)
    } catch {
      throw Fault(reason: "not JSON: \(error)", isMalformed: true)
    }
    guard case .object(let members) = json else {
      throw Fault(reason: "expected one JSON object a line", isMalformed: true)
    }
    guard let name = json["command"]?.text else { throw Fault(reason: "expected \"command\", a string") }
    let parameters: [String]
    if let order = ControlOrder.plain.first(where: { $0.name == name }) {
      self = order
      parameters = []
    } else {
      switch name {
      case "scale":
        let range = -ControlOrder.mostScale...ControlOrder.mostScale
        guard let by = json["by"]?.number, let change = Int(exactly: by), range.contains(change), change != 0 else {
          throw Fault(
            reason: "scale: expected \"by\", a number other than 0 from \(range.lowerBound) to \(range.upperBound)")
        }
        self = .scale(change)
        parameters = ["by"]
      case "retire":
        guard let number = json["pid"]?.number, let pid = Int32(exactly: number), pid > 0 else {
          throw Fault(reason: "retire: expected \"pid\", the process id of a worker")
        }
        self = .retire(pid: pid)
        parameters = ["pid"]
      case "stop":
        guard let now = json["now"].map({ $0.truth }) ?? false else {
          throw Fault(reason: "stop: expected \"now\" to be true or false")
        }
        self = .stop(now: now)
        parameters = ["now"]
      default: throw Fault(reason: "unknown command \(JSON.string(String(name.prefix(40))))")
      }
    }
    if let odd = members.first(where: { $0.name != "command" && !parameters.contains($0.name) }) {
      throw Fault(reason: "\(name): unknown parameter \(JSON.string(String(odd.name.prefix(40))))")
    }
  }
}
