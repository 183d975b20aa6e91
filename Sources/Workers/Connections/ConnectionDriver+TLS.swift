import Glibc
import HTTP
import Platform
import TLS

// The TLS handshake. It continues whenever the socket is ready, has the head's deadline, and never blocks the loop.

extension ConnectionDriver {
  /// Begins TLS if the connection's listener uses it; false if that fails and the connection is closed.
  func beginTLS() -> Bool {
    let listener = Int(connection.record.listener)
    guard let context = worker.record.tls[listener] else { return true }
    guard let session = TLSSession(context, descriptor: connection.record.fd) else {
      close()
      return false
    }
    connection.record.tls = consume session
    connection.record.flags.insert(.secure)
    connection.move(.handshakeBegan)
    return true
  }

  /// Continues the handshake; true if the connection is in another phase now.
  @inline(never)
  func advanceHandshake() -> Bool {
    guard connection.record.flags.contains(.readable) else { return false }
    switch connection.record.tls!.handshake() {
    case .done:
      connection.move(.handshakeDone)
      if connection.record.tls?.hasAgreed(on: "h2") == true { http1.startHTTP2() }
      return true
    case .wantRead:
      connection.record.flags.remove(.readable)
      return false
    case .wantWrite:
      connection.awaitWritableToRead()
      return false
    case .cut:
      queue()
      return false
    case .closed:
      close()
      return true
    case .failed(let failure):
      endHandshake(failure)
      return true
    }
  }

  private func endHandshake(_ failure: TLSError) {
    // OpenSSL has sent its alert; later bytes are in the clear.
    connection.record.tls = nil
    if failure.isPlainHTTP {
      http1.refuse(.plainHTTPOverTLS)
    } else if failure.isDeparture {
      close()
    } else {
      worker.note(.failedHandshake, connection, because: failure.reason)
      finish()
    }
  }

  /// As `readProxyHeader`, before a TLS handshake: the header is peeked, so that TLS finds its own bytes in the socket.
  func peekProxyHeader(_ accepted: ProxyHeader.Accepted) -> Bool {
    guard connection.record.flags.contains(.readable) else { return false }
    // The header is parsed from its first byte each time, and has to fit into one buffer.
    precondition(ProxyHeader.longest <= BufferPool.smallCapacity)
    let room = worker.record.thread.record.pool.take(ProxyHeader.longest)
    defer { worker.record.thread.record.pool.give(room) }
    let count = unsafe ConnectedSocket.peek(connection.record.fd, room.free, room.freeCount)
    if count <= 0 {
      connection.record.flags.remove(.readable)
      if count < 0 && errno == EAGAIN { return false }
      close()
      return true
    }
    switch ProxyHeader.parse(unsafe Bytes(base: UnsafePointer(room.free), count: count), accepted) {
    case .incomplete:
      if connection.record.flags.contains(.peerClosed) || count == room.freeCount {
        refuse(.malformedProxyHeader)
        return true
      }
      connection.record.flags.remove(.readable)
      return false
    case .refused(let refusal):
      refuse(refusal)
      return true
    case .complete(let length, let client, let tls):
      take(client, tls)
      guard connection.record.phase != .free else { return true }
      _ = unsafe ConnectedSocket.receive(connection.record.fd, room.free, length)
      _ = beginTLS()
      return true
    }
  }
}
