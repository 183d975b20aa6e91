import Configuration
import Glibc
import Platform
import Workers

/// The listening sockets of a generation: those that the supervisor kept, by name; new ones for the rest.
struct Listeners {
  private(set) var sockets: [WorkerProcess.Socket] = []
  /// The name of each, by which the supervisor keeps it.
  private(set) var names: [String] = []

  var descriptors: [CInt] { sockets.map(\.fd) }

  static func open(
    _ configuration: Configuration, _ stored: consuming StoredSockets, _ line: SupervisorLine
  ) throws(StartFault) -> Listeners {
    var listeners = Listeners()
    for (index, listener) in configuration.settings.listeners.enumerated() {
      let name = listeners.name(for: listener.bind)
      if let socket = stored.take(name) {
        listeners.add(socket.release(), name)
        continue
      }
      do throws(Errno) {
        let socket = try ListeningSocket.open(
          SocketAddress(listener.bind), name: "\(listener.bind)", backlog: configuration.settings.server.backlog)
        line.offer(socket.raw, name: name)
        listeners.add(socket.release(), name)
      } catch {
        let origin = configuration.origin(of: "listener.bind", listener: index)
        throw StartFault("\(ConfigurationFault(origin: origin, message: "\(error)"))", exitCode(error.code))
      }
    }
    return listeners
  }

  private mutating func add(_ fd: CInt, _ name: String) {
    sockets.append(WorkerProcess.Socket(fd: fd, address: ListeningSocket.boundAddress(fd)))
    names.append(name)
  }

  /// The address, and a count where it does not say which: port 0 can be asked for many times.
  private func name(for bind: BindAddress) -> String {
    let address = bind.description
    var name = address
    var count = 1
    while names.contains(name) {
      count += 1
      name = "\(address)#\(count)"
    }
    return name
  }

  private static func exitCode(_ code: CInt) -> ExitCode {
    switch code {
    case EADDRINUSE: .unavailable
    case EACCES, EPERM: .noPermission
    default: .osError
    }
  }
}

extension SocketAddress {
  init(_ bind: BindAddress) {
    switch bind {
    case .inet(let address, let port):
      self = address.isIPv4 ? .ipv4(address.bytes, port: port) : .ipv6(address.bytes, port: port)
    case .unix(let path): self = .unix(path)
    }
  }
}
