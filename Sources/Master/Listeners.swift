import Configuration
import Glibc
import Platform
import Workers

/// The listening sockets of a generation: those that the supervisor kept, by name; new ones for the rest.
struct Listeners {
  private(set) var sockets: [WorkerProcess.Socket] = []
  /// What is configured for each of them: a listener can have many sockets.
  private(set) var settings: [ListenerSettings] = []
  /// What the supervisor is told of each.
  private(set) var claims: [ListenerClaim] = []

  var descriptors: [CInt] { sockets.map(\.fd) }

  /// - Parameter user: who this process is about to become.
  static func open(
    _ configuration: Configuration, _ stored: inout StoredSockets, _ line: SupervisorLine, user: ServiceUser?
  ) throws(StartFault) -> Listeners {
    var listeners = Listeners()
    if !configuration.hasListeners, !stored.activatedNames.isEmpty {
      listeners.takeAllActivated(&stored, configuration.settings)
      return listeners
    }
    for (index, listener) in configuration.settings.listeners.enumerated() {
      func fault(_ key: String, _ message: String, _ code: ExitCode) -> StartFault {
        let origin = configuration.origin(of: key, listener: index)
        return StartFault("\(ConfigurationFault(origin: origin, message: message))", code)
      }
      switch listener.bind {
      case .inet, .unix:
        let options = try options(of: listener, configuration) { fault($0, $1, .configuration) }
        do throws(Errno) {
          try listeners.bind(listener, options, &stored, line, user)
        } catch {
          throw fault("listener.bind", "\(error)", exitCode(error.code))
        }
      case .descriptor, .systemd:
        guard listeners.takeInherited(listener, &stored, configuration.settings) else {
          let passed = stored.activatedNames.joined(separator: ", ")
          let rest = passed.isEmpty ? "no socket of systemd is left" : "left are \(passed)"
          throw fault("listener.bind", "\(listener.bind) was not passed to this process (\(rest))", .configuration)
        }
      }
    }
    guard stored.activatedNames.isEmpty else {
      throw StartFault(
        "no listener has these sockets, which systemd has passed: \(stored.activatedNames.joined(separator: ", ")); "
          + "give each a listener with bind = \"systemd:NAME\", or configure no listener to serve them all",
        .configuration)
    }
    return listeners
  }

  /// Gives each socket the TLS of its listener.
  mutating func secure(by secure: SecureListeners) {
    for index in sockets.indices { sockets[index] = sockets[index].secured(by: secure.context(of: settings[index])) }
  }

  // MARK: One by one

  private mutating func bind(
    _ listener: ListenerSettings, _ options: ListeningSocket.Options, _ stored: inout StoredSockets,
    _ line: SupervisorLine, _ user: ServiceUser?
  ) throws(Errno) {
    let name = name(for: listener.bind)
    if let present = stored.take(name) {
      add(present.descriptor.raw, name, listener, options)
      _ = present.descriptor.release()
      return
    }
    let address = SocketAddress(listener.bind)
    let fellows = stored.descriptors(withPort: address.port)
    // A generation before may have had this address too, and serve the last clients of its own socket still.
    let patience = stored.isFirst ? 0 : 2 * ListeningSocket.handshakeTime
    let socket = try ListeningSocket.open(
      address, name: "\(listener.bind)", options: options, besides: fellows, user: user,
      patience: patience)
    line.offer(socket.raw, name: name)
    add(socket.release(), name, listener, options)
  }

  /// False if there is no such socket.
  private mutating func takeInherited(
    _ listener: ListenerSettings, _ stored: inout StoredSockets, _ settings: Settings
  ) -> Bool {
    let options = ListeningSocket.Options(backlog: CInt(clamping: settings.server.backlog))
    let before = sockets.count
    let name = listener.bind.description
    if case .descriptor = listener.bind {
      if let taken = stored.take(name) { add(taken, listener, options) }
    } else {
      while let taken = stored.takeActivated(name) { add(taken, listener, options) }
    }
    return sockets.count > before
  }

  private mutating func takeAllActivated(_ stored: inout StoredSockets, _ settings: Settings) {
    let options = ListeningSocket.Options(backlog: CInt(clamping: settings.server.backlog))
    while let taken = stored.takeActivated() { add(taken, settings.listeners[0], options) }
  }

  private mutating func add(
    _ taken: consuming StoredSockets.Taken, _ listener: ListenerSettings, _ options: ListeningSocket.Options
  ) {
    add(taken.descriptor.raw, taken.name, listener, options)
    _ = taken.descriptor.release()
  }

  private mutating func add(
    _ fd: CInt, _ name: String, _ listener: ListenerSettings, _ options: ListeningSocket.Options
  ) {
    sockets.append(WorkerProcess.Socket(fd: fd, address: ListeningSocket.boundAddress(fd)))
    settings.append(listener)
    claims.append(ListenerClaim(name: name, options: options))
  }

  /// The address, and a count where it does not say which: port 0 can be asked for many times.
  private func name(for bind: BindAddress) -> String {
    let address = bind.description
    var name = address
    var count = 1
    while claims.contains(where: { $0.name == name }) {
      count += 1
      name = "\(address)#\(count)"
    }
    return name
  }

  private static func options(
    of listener: ListenerSettings, _ configuration: Configuration, fault: (String, String) -> StartFault
  ) throws(StartFault) -> ListeningSocket.Options {
    var owner: uid_t?
    var group: gid_t?
    if !listener.owner.isEmpty {
      owner = Account.userID(listener.owner)
      if owner == nil { throw fault("listener.owner", "listener.owner: there is no user \(listener.owner)") }
    }
    if !listener.group.isEmpty {
      group = Account.group(listener.group)
      if group == nil { throw fault("listener.group", "listener.group: there is no group \(listener.group)") }
    }
    return ListeningSocket.Options(
      backlog: CInt(clamping: configuration.settings.server.backlog), mode: listener.mode.bits, owner: owner,
      group: group)
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
  /// Of a listener that is bound here.
  fileprivate init(_ bind: BindAddress) {
    switch bind {
    case .inet(let address, let port):
      self = address.isIPv4 ? .ipv4(address.bytes, port: port) : .ipv6(address.bytes, port: port)
    case .unix(let path): self = .unix(path)
    case .descriptor, .systemd: self = .unix("")
    }
  }
}

extension ListeningSocket {
  /// When the kernel looks whether the clients of a listener are there still. Another generation may serve on it: only one
  /// that has taken over changes that.
  static func keepAlive(_ fd: CInt, _ settings: Settings) {
    func seconds(_ time: UInt64) -> Int { Int((time + Clock.nanosecondsPerSecond - 1) / Clock.nanosecondsPerSecond) }
    keepAlive(fd, idle: seconds(settings.server.tcpKeepalive), patience: seconds(settings.timeouts.write))
  }
}
