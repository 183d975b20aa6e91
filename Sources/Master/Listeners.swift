import Configuration
import Glibc
import Platform
import Workers

/// The listening sockets of a generation: those that the supervisor kept, by name; new ones for the rest.
enum Listeners {
  static func open(
    _ configuration: Configuration, _ channel: Channel
  ) throws(StartFault) -> [WorkerProcess.Socket] {
    let stored = receiveStored(channel)
    var sockets: [WorkerProcess.Socket] = []
    for (index, listener) in configuration.settings.listeners.enumerated() {
      let name = listener.bind.description
      if let fd = stored[name] {
        sockets.append(WorkerProcess.Socket(fd: fd, address: ListeningSocket.boundAddress(fd)))
        continue
      }
      do throws(Errno) {
        let socket = try ListeningSocket.open(
          SocketAddress(listener.bind), name: name, backlog: configuration.settings.server.backlog)
        let fd = socket.release()
        channel.send(kind: MasterMessage.listener.rawValue, text: Array(name.utf8), descriptor: fd)
        sockets.append(WorkerProcess.Socket(fd: fd, address: ListeningSocket.boundAddress(fd)))
      } catch {
        let origin = configuration.origin(of: "listener.bind", listener: index)
        throw StartFault("\(ConfigurationFault(origin: origin, message: "\(error)"))", exitCode(error.code))
      }
    }
    return sockets
  }

  /// What the supervisor sends before it says begin.
  private static func receiveStored(_ channel: Channel) -> [String: CInt] {
    var stored: [String: CInt] = [:]
    while true {
      switch channel.receive() {
      case .nothing:
        _ = Connections.wait(channel.raw, writing: false, deadline: Clock.monotonic() + 5 * Clock.nanosecondsPerSecond)
      case .closed: return stored
      case .message(let kind, let text, let descriptor):
        switch MasterMessage(rawValue: kind) {
        case .listener: if let descriptor { stored[String(decoding: text, as: UTF8.self)] = descriptor.release() }
        case .begin: return stored
        default: break
        }
      }
    }
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
