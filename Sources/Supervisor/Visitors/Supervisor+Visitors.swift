import Glibc
import Logging
import Platform

// The supervisor's own clients, served a step at a time in its loop: each event is one read or one write of one of them.

extension Supervisor {
  /// So many connections are accepted at once, then something else has its turn.
  private static let mostAdmissions = 16

  mutating func admit(_ kind: Visitor.Kind) {
    guard let door = door(kind) else { return }
    for _ in 0..<Supervisor.mostAdmissions {
      switch Connections.accept(door) {
      case .none: return
      case .exhausted:
        epoll.remove(door)
        visitors.admitsAgainAt = Clock.monotonic() &+ Clock.nanosecondsPerSecond
        return
      case .connection(let fd, _):
        let connection = FileDescriptor(owning: fd)
        // Whatever the permissions of its file have become.
        if kind == .control, !Connections.isPeerTrusted(fd) { continue }
        // One that has to leave is closed, and so gone from the epoll.
        let (visitor, _) = visitors.admit(kind, connection, now: Clock.monotonic())
        do throws(Errno) {
          try epoll.add(visitor.raw, visitor.interest, token: token(of: visitor))
        } catch {
          visitors.remove(visitor)
        }
      }
    }
  }

  private func door(_ kind: Visitor.Kind) -> CInt? {
    switch kind {
    case .metrics: metrics?.raw
    case .control: control?.raw
    }
  }

  private func token(of visitor: Visitor) -> UInt64 { Supervisor.firstVisitorToken + visitor.number }

  mutating func heedVisitor(_ number: UInt64) {
    // It may have been closed by an event before this one.
    guard let visitor = visitors[number] else { return }
    switch visitor.stage {
    case .reading:
      switch visitor.read() {
      case .nothing: return
      case .ended: visitors.remove(visitor)
      case .something: goOn(with: visitor, registeredFor: .readable)
      }
    case .parting: if visitor.read() == .ended { visitors.remove(visitor) }
    case .answering: goOn(with: visitor, registeredFor: .writable)
    // Nothing but its end comes without being asked for.
    case .waiting: visitors.remove(visitor)
    }
  }

  /// Answers as far as requests are there and answers are taken.
  ///
  /// - Parameter before: what the epoll knows of it.
  mutating func goOn(with visitor: Visitor, registeredFor before: Epoll.Interest) {
    while true {
      if visitor.stage == .reading { serve(visitor) }
      guard visitor.stage == .answering else { break }
      guard visitor.write() else {
        visitors.remove(visitor)
        return
      }
      guard visitor.isAnswered else { break }
      visitor.endAnswer()
      let now = Clock.monotonic()
      if visitor.partsAfterAnswer {
        visitor.part(now: now)
      } else {
        visitor.stage = .reading
        visitor.deadline = now &+ visitor.kind.patience
      }
    }
    if visitor.interest != before {
      epoll.change(visitor.raw, visitor.interest, token: token(of: visitor))
    }
  }

  /// Answers one request, if it is complete.
  private mutating func serve(_ visitor: Visitor) {
    switch visitor.kind {
    case .metrics:
      guard let request = PageRequest(visitor.input) else { return }
      visitor.answer(page(request))
    case .control: obey(visitor)
    }
  }

  mutating func dismissLateVisitors(_ now: UInt64) {
    for visitor in visitors.all where visitor.deadline <= now { visitors.remove(visitor) }
    guard visitors.admitsAgainAt <= now else { return }
    visitors.admitsAgainAt = .max
    watchDoors()
  }

  // MARK: Doors

  /// Binds where a starting generation wants metrics to be served; what is in the way, or nil.
  mutating func prepareMetrics(_ settings: Generation.Settings) -> (reason: String, code: ExitCode)? {
    guard let address = settings.metrics, address != metrics?.name else { return nil }
    do throws(Errno) {
      nextMetrics = try Door(metrics: address, user: settings.user)
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

  /// The generation that wanted it does not serve.
  mutating func discardNextMetrics() { nextMetrics.take()?.removeFile() }

  /// The generation with these settings serves.
  mutating func settleDoors(_ settings: Generation.Settings) {
    if settings.metrics != metrics?.name {
      metrics?.removeFile()
      metrics = nextMetrics.take()
    }
    if settings.control != control?.name {
      control?.removeFile()
      control = nil
      if let path = settings.control {
        do throws(Errno) {
          control = try Door(control: path, user: settings.user)
        } catch {
          log.warning("there is no control socket, outriderctl can't connect: control.socket: \(error)")
        }
      }
    }
    watchDoors()
  }

  /// Registers the doors that are not registered yet.
  func watchDoors() {
    for (kind, token) in [(Visitor.Kind.metrics, Supervisor.metricsToken), (.control, Supervisor.controlToken)] {
      guard let fd = door(kind) else { continue }
      epoll.remove(fd)
      do throws(Errno) {
        try epoll.add(fd, .readable, token: token)
      } catch {
        log.error("\(error)")
      }
    }
  }

  mutating func closeDoors() {
    for door in [metrics, nextMetrics, control] { door?.removeFile() }
  }
}
