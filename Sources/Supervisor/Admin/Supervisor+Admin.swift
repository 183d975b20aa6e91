import Glibc
import Logging
import Platform

// Connections to the supervisor itself, served within its loop: each event is one read or one write.

extension Supervisor {
  /// The maximum number of connections accepted before other events are handled.
  private static let maxAcceptsPerTurn = 16

  mutating func accept(_ kind: AdminConnection.Kind) {
    guard let listener = listener(kind) else { return }
    for _ in 0..<Supervisor.maxAcceptsPerTurn {
      switch ConnectedSocket.accept(listener) {
      case .none: return
      case .exhausted:
        epoll.remove(listener)
        adminConnections.acceptsAgainAt = Clock.monotonic() &+ Clock.nanosecondsPerSecond
        return
      case .connection(let fd, _):
        let descriptor = FileDescriptor(owning: fd)
        // Checked for each peer, since the permissions of the file can change.
        if kind == .control, !ConnectedSocket.isPeerTrusted(fd) { continue }
        // Closing an evicted connection removes it from the epoll.
        let (connection, _) = adminConnections.add(kind, descriptor, now: Clock.monotonic())
        _ = register(connection)
      }
    }
  }

  /// Registers a connection with the epoll; false if that fails, and the connection is closed.
  mutating func register(_ connection: AdminConnection) -> Bool {
    do throws(Errno) {
      try epoll.add(connection.raw, connection.interest, token: token(of: connection))
      return true
    } catch {
      adminConnections.remove(connection)
      return false
    }
  }

  private func listener(_ kind: AdminConnection.Kind) -> CInt? {
    switch kind {
    case .metrics: metrics?.raw
    case .control: control?.raw
    }
  }

  private func token(of connection: AdminConnection) -> UInt64 {
    Supervisor.firstAdminConnectionToken + connection.number
  }

  mutating func handleAdminEvent(_ number: UInt64) {
    // An earlier event may have closed it.
    guard let connection = adminConnections[number] else { return }
    switch connection.stage {
    case .reading:
      switch connection.read() {
      case .nothing: return
      case .closed: adminConnections.remove(connection)
      case .data: advance(connection, registeredFor: .readable)
      }
    case .lingering: if connection.read() == .closed { adminConnections.remove(connection) }
    case .responding: advance(connection, registeredFor: .writable)
    // The only event without interest is the end of the connection.
    case .waiting: adminConnections.remove(connection)
    }
  }

  /// Serves complete requests as far as their responses can be sent.
  ///
  /// - Parameter before: the registered interest.
  mutating func advance(_ connection: AdminConnection, registeredFor before: Epoll.Interest) {
    while true {
      if connection.stage == .reading { serve(connection) }
      guard connection.stage == .responding else { break }
      guard connection.write() else {
        adminConnections.remove(connection)
        return
      }
      guard connection.isResponseSent else { break }
      connection.finishResponse()
      let now = Clock.monotonic()
      if connection.closesAfterResponse {
        connection.startLingering(now: now)
      } else {
        connection.stage = .reading
        connection.deadline = now &+ connection.kind.timeout
      }
    }
    if connection.interest != before {
      epoll.change(connection.raw, connection.interest, token: token(of: connection))
    }
  }

  /// Serves one request, if it is complete.
  private mutating func serve(_ connection: AdminConnection) {
    switch connection.kind {
    case .metrics:
      guard let request = AdminRequest(connection.input) else { return }
      connection.respond(respond(to: request))
    case .control: handle(connection)
    }
  }

  mutating func closeExpiredConnections(_ now: UInt64) {
    for connection in adminConnections.all where connection.deadline <= now { adminConnections.remove(connection) }
    guard adminConnections.acceptsAgainAt <= now else { return }
    adminConnections.acceptsAgainAt = .max
    registerAdminListeners()
  }

  // MARK: Listeners

  /// Binds the metrics listener of a starting generation.
  ///
  /// - Returns: why that fails, or nil.
  mutating func prepareMetrics(_ settings: Generation.Settings) -> (reason: String, code: ExitCode)? {
    guard let address = settings.metrics, address != metrics?.name else { return nil }
    do throws(Errno) {
      nextMetrics = try AdminListener(metrics: address, user: settings.user)
      return nil
    } catch {
      let code: ExitCode =
        switch error.code {
        case EADDRINUSE: .unavailable
        case EACCES, EPERM: .noPermission
        default: .osError
        }
      return ("metrics.bind: \(error)", code)
    }
  }

  /// Drops the metrics listener of a generation that failed to start.
  mutating func discardNextMetrics() { nextMetrics.take()?.removeFile() }

  /// Switches to the listeners of the generation that serves now.
  mutating func activateAdminListeners(_ settings: Generation.Settings) {
    if settings.metrics != metrics?.name {
      metrics?.removeFile()
      metrics = nextMetrics.take()
    }
    if settings.control != control?.name {
      control?.removeFile()
      control = nil
      if let path = settings.control {
        do throws(Errno) {
          control = try AdminListener(control: path, user: settings.user)
          log.info("the control socket is \(path)")
        } catch {
          log.warning("there is no control socket, outriderctl can't connect: control.socket: \(error)")
        }
      }
    }
    registerAdminListeners()
  }

  /// Registers both listeners with the epoll.
  func registerAdminListeners() {
    for (kind, token) in [(AdminConnection.Kind.metrics, Supervisor.metricsToken), (.control, Supervisor.controlToken)]
    {
      guard let fd = listener(kind) else { continue }
      epoll.remove(fd)
      do throws(Errno) {
        try epoll.add(fd, .readable, token: token)
      } catch {
        log.error("\(error)")
      }
    }
  }

  mutating func removeAdminListenerFiles() {
    for listener in [metrics, nextMetrics, control] { listener?.removeFile() }
  }
}
