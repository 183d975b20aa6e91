import Configuration
import Glibc
import IPC
import Platform
import Workers

/// The listening sockets of a generation: those that the supervisor has passed, and new ones for the other listeners.
package struct Listeners {
  private(set) var sockets: [WorkerProcess.Socket] = []
  /// The settings of each socket; a listener can have many sockets.
  private(set) var settings: [ListenerSettings] = []
  /// The description of each socket for the supervisor.
  private(set) var specs: [ListenerSpec] = []

  var descriptors: [CInt] { sockets.map(\.fd) }

  /// - Parameter user: the user that this process becomes later.
  static func open(
    _ configuration: Configuration, _ inherited: inout InheritedListeners, _ supervisor: SupervisorChannel,
    user: ServiceUser?
  ) throws(StartError) -> Listeners {
    var listeners = Listeners()
    if !configuration.hasListeners, !inherited.activatedNames.isEmpty {
      listeners.takeAllActivated(&inherited, configuration.settings)
      return listeners
    }
    for (index, listener) in configuration.settings.listeners.enumerated() {
      let makeError = configuration.startError(ofListener: index)
      switch listener.bind {
      case .inet, .unix:
        let options = try options(of: listener, configuration, makeError)
        do throws(Errno) {
          try listeners.bind(listener, options, &inherited, supervisor, user)
        } catch {
          throw makeError("listener.bind", "\(error)", exitCode(error.code))
        }
      case .descriptor, .systemd:
        guard listeners.takeInherited(listener, &inherited, configuration.settings) else {
          let passed = inherited.activatedNames.joined(separator: ", ")
          let rest = passed.isEmpty ? "no socket of systemd is left" : "left are \(passed)"
          throw makeError("listener.bind", "\(listener.bind) was not passed to this process (\(rest))", .configuration)
        }
      }
    }
    guard inherited.activatedNames.isEmpty else {
      throw StartError(
        "no listener has these sockets, which systemd has passed: \(inherited.activatedNames.joined(separator: ", ")); "
          + "give each a listener with bind = \"systemd:NAME\", or configure no listener to serve them all",
        .configuration)
    }
    return listeners
  }

  /// The errors of listeners whose unix sockets this process can't give to the configured owner or group.
  package static func ownershipErrors(_ configuration: Configuration) -> [StartError] {
    // Root starts the server and changes the user later.
    guard Account.isRoot || configuration.settings.server.user.isEmpty else { return [] }
    return configuration.settings.listeners.enumerated().compactMap { index, listener in
      guard case .unix = listener.bind else { return nil }
      do throws(StartError) {
        _ = try options(of: listener, configuration, configuration.startError(ofListener: index))
        return nil
      } catch {
        return error
      }
    }
  }

  /// Gives each socket the TLS context of its listener.
  mutating func attach(_ contexts: ListenerTLSContexts) {
    for index in sockets.indices { sockets[index] = sockets[index].secured(by: contexts.context(of: settings[index])) }
  }

  // MARK: Single sockets

  private mutating func bind(
    _ listener: ListenerSettings, _ options: ListeningSocket.Options, _ inherited: inout InheritedListeners,
    _ supervisor: SupervisorChannel, _ user: ServiceUser?
  ) throws(Errno) {
    let name = name(for: listener)
    if let kept = inherited.take(name) {
      add(kept.descriptor.raw, name, listener, options)
      _ = kept.descriptor.release()
      return
    }
    let address = SocketAddress(listener.bind)
    let samePort = inherited.descriptors(withPort: address.port)
    // An earlier generation may still serve the backlog of its own socket at this address.
    let timeout = inherited.isFirst ? 0 : 2 * ListeningSocket.handshakeTime
    let socket = try ListeningSocket.open(
      address, name: "\(listener.bind)", options: options, besides: samePort, user: user,
      timeout: timeout)
    supervisor.sendListener(socket.raw, name: name)
    add(socket.release(), name, listener, options)
  }

  /// - Returns: false if there is no such socket.
  private mutating func takeInherited(
    _ listener: ListenerSettings, _ inherited: inout InheritedListeners, _ settings: Settings
  ) -> Bool {
    let options = ListeningSocket.Options(backlog: CInt(clamping: settings.server.backlog))
    let before = sockets.count
    let name = listener.bind.description
    if case .descriptor = listener.bind {
      if let taken = inherited.take(name) { add(taken, listener, options) }
    } else {
      while let taken = inherited.takeActivated(name) { add(taken, listener, options) }
    }
    return sockets.count > before
  }

  private mutating func takeAllActivated(_ inherited: inout InheritedListeners, _ settings: Settings) {
    let options = ListeningSocket.Options(backlog: CInt(clamping: settings.server.backlog))
    while let taken = inherited.takeActivated() { add(taken, settings.listeners[0], options) }
  }

  private mutating func add(
    _ taken: consuming InheritedListeners.Taken, _ listener: ListenerSettings, _ options: ListeningSocket.Options
  ) {
    add(taken.descriptor.raw, taken.name, listener, options)
    _ = taken.descriptor.release()
  }

  private mutating func add(
    _ fd: CInt, _ name: String, _ listener: ListenerSettings, _ options: ListeningSocket.Options
  ) {
    sockets.append(WorkerProcess.Socket(fd: fd, address: ListeningSocket.boundAddress(fd)))
    settings.append(listener)
    specs.append(ListenerSpec(name: name, options: options))
  }

  /// The name of a listener's socket: the address, whether an IPv6 socket accepts IPv4, which can't be changed after
  /// bind, and a count, since port 0 may be configured several times.
  private func name(for listener: ListenerSettings) -> String {
    let address = listener.bind.description + (listener.isIPv6Only ? "" : "#ipv4")
    var name = address
    var count = 1
    while specs.contains(where: { $0.name == name }) {
      count += 1
      name = "\(address)#\(count)"
    }
    return name
  }

  private static func options(
    of listener: ListenerSettings, _ configuration: Configuration, _ makeError: (String, String, ExitCode) -> StartError
  ) throws(StartError) -> ListeningSocket.Options {
    var owner: uid_t?
    var group: gid_t?
    if !listener.owner.isEmpty {
      owner = Account.userID(listener.owner)
      if owner == nil {
        throw makeError("listener.owner", "listener.owner: there is no user \(listener.owner)", .configuration)
      }
      if !Account.isRoot, owner != geteuid() {
        throw makeError(
          "listener.owner",
          "listener.owner: only root can give a socket to user \(listener.owner); let systemd make it, with "
            + "SocketUser=\(listener.owner) in a socket unit, and bind to it with \"systemd:NAME\"", .noPermission)
      }
    }
    if !listener.group.isEmpty {
      group = Account.group(listener.group)
      guard let group else {
        throw makeError("listener.group", "listener.group: there is no group \(listener.group)", .configuration)
      }
      if !Account.isRoot, !Account.isMember(of: group) {
        throw makeError(
          "listener.group",
          "listener.group: the server's user is not in group \(listener.group), and can't give it a socket; let systemd "
            + "make it, with SocketGroup=\(listener.group) in a socket unit, and bind to it with \"systemd:NAME\"",
          .noPermission)
      }
    }
    return ListeningSocket.Options(
      backlog: CInt(clamping: configuration.settings.server.backlog), mode: listener.mode.bits, owner: owner,
      group: group, isIPv6Only: listener.isIPv6Only)
  }

  private static func exitCode(_ code: CInt) -> ExitCode {
    switch code {
    case EADDRINUSE: .unavailable
    case EACCES, EPERM: .noPermission
    default: .osError
    }
  }
}

extension Configuration {
  /// Makes errors with the origin of a listener's key.
  fileprivate func startError(ofListener index: Int) -> (_ key: String, _ message: String, _ code: ExitCode) ->
    StartError
  {
    { key, message, code in
      StartError("\(ConfigurationDiagnostic(origin: origin(of: key, listener: index), message: message))", code)
    }
  }
}

extension SocketAddress {
  /// The address of a listener that is bound here.
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
  /// Sets TCP keepalive on a listener. Called only by a generation that has taken over, since another generation may
  /// serve on the same socket until then.
  static func keepAlive(_ fd: CInt, _ settings: Settings) {
    func seconds(_ time: UInt64) -> Int { Int((time + Clock.nanosecondsPerSecond - 1) / Clock.nanosecondsPerSecond) }
    keepAlive(fd, idle: seconds(settings.server.tcpKeepalive), timeout: seconds(settings.timeouts.write))
  }
}
