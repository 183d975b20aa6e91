import CLinux
import Glibc

// Draining a listener. When the last descriptor of a listening socket is closed, the kernel resets the connections in
// its backlog and those whose handshake completes later. So new SYNs are dropped first, and handshakes under way are
// given time to complete. A client whose SYN was dropped retries after a second and is then refused.

extension ListeningSocket {
  /// Drops new SYNs to the socket, in all processes that share it. Handshakes under way still complete.
  package static func stopNewConnections(_ fd: CInt) { _ = outrider_stop_new_connections(fd) }

  /// Whether `stopNewConnections` was called on the socket.
  package static func refusesNewConnections(_ fd: CInt) -> Bool { outrider_refuses_new_connections(fd) != 0 }

  /// The time for handshakes to complete: a round trip and a retransmission.
  package static let handshakeTime = 500 * Clock.nanosecondsPerMillisecond

  /// Opens a socket whose address may still be in use by a draining socket.
  ///
  /// - Parameters:
  ///   - samePort: sockets of this server on the same port; see above.
  ///   - user: the service's user, for the file of a unix socket.
  ///   - timeout: how many nanoseconds to wait until the address is free.
  package static func open(
    _ address: SocketAddress, name: String, options: Options, besides samePort: [CInt], user: ServiceUser?,
    timeout: UInt64
  ) throws(Errno) -> FileDescriptor {
    let deadline = Clock.monotonic() &+ timeout
    while true {
      do throws(Errno) {
        return try open(address, name: name, options: options, besides: samePort, user: user)
      } catch {
        guard error.code == EADDRINUSE, Clock.monotonic() < deadline else { throw error }
      }
      usleep(10_000)
    }
  }
}
