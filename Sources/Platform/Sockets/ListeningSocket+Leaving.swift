import CLinux
import Glibc

// A listener that is served no more. When its last descriptor is closed the kernel resets whoever is in its backlog, and
// whoever takes the last step of a handshake after that. So it drops what would begin a connection first (a client that
// tries again after a second is refused then), and those that are under way are awaited.

extension ListeningSocket {
  /// No new client can connect to the socket, in whatever process it is; one that has begun to still can.
  package static func refuseNewcomers(_ fd: CInt) { _ = outrider_refuse_newcomers(fd) }

  /// Whether that has been said of it.
  package static func refusesNewcomers(_ fd: CInt) -> Bool { outrider_refuses_newcomers(fd) != 0 }

  /// How long clients get for the rest of their handshake: a round trip, and a segment that was lost.
  package static let handshakeTime = 500 * Clock.nanosecondsPerMillisecond

  /// Opens a socket whose address may be in use still by one that leaves.
  ///
  /// - Parameters:
  ///   - user: the service's, for the file of a unix socket.
  ///   - patience: so many nanoseconds may pass until it is free.
  package static func open(
    _ address: SocketAddress, name: String, options: Options, besides fellows: [CInt], user: ServiceUser?,
    patience: UInt64
  ) throws(Errno) -> FileDescriptor {
    let deadline = Clock.monotonic() &+ patience
    while true {
      do throws(Errno) {
        return try open(address, name: name, options: options, besides: fellows, user: user)
      } catch {
        guard error.code == EADDRINUSE, Clock.monotonic() < deadline else { throw error }
      }
      usleep(10_000)
    }
  }
}
