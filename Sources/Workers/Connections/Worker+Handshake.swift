import Glibc
import HTTP
import Platform
import TLS

// The begin of a connection with TLS. A handshake moves as the socket lets it and has the head's deadline; it never
// holds up the loop.

extension Worker {
  /// Begins TLS where the connection's listener has it; false if the connection is closed for that.
  func secure(_ connection: Connection) -> Bool {
    let listener = Int(connection.record.listener)
    guard record.listeners[listener].isSecure, let context = record.tls[listener] else { return true }
    guard let session = TLSSession(context, descriptor: connection.record.fd) else {
      close(connection)
      return false
    }
    connection.record.tls = consume session
    connection.record.phase = .handshake
    return true
  }

  /// Goes on with the handshake; true if the connection is in another phase now.
  @inline(never)
  func advanceHandshake(_ connection: Connection) -> Bool {
    guard connection.record.flags.contains(.readable) else { return false }
    switch connection.record.tls!.handshake() {
    case .done:
      connection.record.phase = .idle
      if connection.record.tls?.hasAgreed(on: "h2") == true { startHTTP2(connection) }
      return true
    case .wantRead:
      connection.record.flags.remove(.readable)
      return false
    case .wantWrite:
      connection.awaitWritableToRead()
      return false
    case .cut:
      queue(connection)
      return false
    case .closed:
      close(connection)
      return true
    case .failed(let failure):
      endHandshake(connection, failure)
      return true
    }
  }

  private func endHandshake(_ connection: Connection, _ failure: TLSFailure) {
    // OpenSSL has sent its alert; what is left is plain.
    connection.record.tls = nil
    if failure.isPlainHTTP {
      refuse(connection, .plainHTTPOverTLS)
    } else if failure.isDeparture {
      close(connection)
    } else {
      note(.failedHandshake, connection, because: failure.reason)
      startClosing(connection)
    }
  }

  /// As `readProxyHeader`, where a handshake follows: its bytes stay in the socket, for TLS reads from there.
  func peekProxyHeader(_ connection: Connection, _ accepted: ProxyHeader.Accepted) -> Bool {
    guard connection.record.flags.contains(.readable) else { return false }
    // The header is looked at from its first byte each time, and has to fit as a whole.
    precondition(ProxyHeader.longest <= BufferPool.smallCapacity)
    let room = record.thread.record.pool.take(ProxyHeader.longest)
    defer { record.thread.record.pool.give(room) }
    let count = unsafe Connections.peek(connection.record.fd, room.free, room.freeCount)
    if count <= 0 {
      connection.record.flags.remove(.readable)
      if count < 0 && errno == EAGAIN { return false }
      close(connection)
      return true
    }
    switch ProxyHeader.parse(unsafe Bytes(base: UnsafePointer(room.free), count: count), accepted) {
    case .incomplete:
      if connection.record.flags.contains(.peerClosed) || count == room.freeCount {
        reject(connection, .malformedProxyHeader)
        return true
      }
      connection.record.flags.remove(.readable)
      return false
    case .refused(let refusal):
      reject(connection, refusal)
      return true
    case .complete(let length, let client):
      take(client, connection)
      guard connection.record.phase != .free else { return true }
      _ = unsafe Connections.receive(connection.record.fd, room.free, length)
      _ = secure(connection)
      return true
    }
  }
}
