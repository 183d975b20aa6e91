import Platform

/// A connection together with the worker that drives it, for any protocol: its socket, TLS, deadlines and end.
///
/// A connection ends in one of three ways. `finish`: the last response is queued, is sent, and then the connection
/// closes. `abort`: it closes at once. `refuse`: it closes without a response, because there is no request to answer.
struct ConnectionDriver {
  let worker: Worker
  let connection: Connection

  @inline(__always)
  init(_ worker: Worker, _ connection: Connection) {
    self.worker = worker
    self.connection = connection
  }

  @inline(__always)
  var http1: HTTP1Connection { HTTP1Connection(worker, connection) }

  /// Puts it on the list for this turn. Safe to call re-entrantly from a plugin.
  func queue() { worker.record.ready.append(connection, worker.record.table) }
}

extension Worker {
  @inline(__always)
  func driver(_ connection: Connection) -> ConnectionDriver { ConnectionDriver(self, connection) }
}

extension HTTP1Connection {
  @inline(__always)
  var driver: ConnectionDriver { ConnectionDriver(worker, connection) }
}

extension HTTP2Connection {
  @inline(__always)
  var driver: ConnectionDriver { ConnectionDriver(worker, connection) }
}

extension HTTPChannel {
  @inline(__always)
  var driver: ConnectionDriver { ConnectionDriver(worker, request.record.connection) }
}
