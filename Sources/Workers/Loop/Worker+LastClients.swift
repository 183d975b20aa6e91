import Platform

// A worker that is to finish serves the clients that wait in its listeners' backlogs by then: with the last copy of a
// socket they would be reset. Only so many as waited, since others may go on with the same socket; of one that nobody goes
// on with, all that still come.

extension Worker {
  /// Takes the last clients, or as many as there is room for, and closes every listener that has none left.
  func closeListeners() {
    for index in record.listeners.indices {
      let fd = record.listeners[index].fd
      if ListeningSocket.refusesNewcomers(fd) {
        record.listeners[index].lastClientsUntil = record.now &+ ListeningSocket.handshakeTime
        record.listeners[index].lastClients = .max
      } else {
        stopListening(on: index)
        record.listeners[index].lastClients = ListeningSocket.backlogLength(fd)
      }
    }
    record.attention = .none
    record.slot.room.tell(false)
    takeLastClients()
  }

  /// Takes those for whom there was no room before, and those who have come.
  @inline(never)
  func takeLastClients() {
    for index in record.listeners.indices where !record.listeners[index].isClosed {
      while record.listeners[index].lastClients > 0 {
        if record.table.isFull { return pauseLastClients() }
        record.listeners[index].lastClients -= 1
        if !accept(on: index) { break }
      }
      if record.now < record.listeners[index].lastClientsUntil {
        listen(on: index)
        continue
      }
      stopListening(on: index)
      record.listeners[index].lastClients = 0
      record.listeners[index].isClosed = true
      Connections.close(record.listeners[index].fd)
    }
  }

  /// Until there is room nothing is heard of them.
  private func pauseLastClients() {
    for index in record.listeners.indices { stopListening(on: index) }
  }

  /// Somebody in a backlog is to be served still.
  var hasLastClients: Bool { record.listeners.contains { $0.lastClients > 0 } }

  /// When it is time to close a listener; `.max` if none waits for that.
  var nextListenerEnd: UInt64 {
    record.listeners.reduce(.max) { $1.lastClientsUntil > record.now ? min($0, $1.lastClientsUntil) : $0 }
  }
}
