import Platform

// A worker that is to finish serves the clients that wait in its listeners' backlogs by then: with the last copy of a
// socket they would be reset. Only so many as waited, since others may go on with the same socket.

extension Worker {
  /// Takes the last clients, or as many as there is room for, and closes every listener that has none left.
  func closeListeners() {
    for index in record.listeners.indices {
      stopListening(on: index)
      record.listeners[index].lastClients = ListeningSocket.backlogLength(record.listeners[index].fd)
    }
    record.accepting = false
    takeLastClients()
  }

  /// Takes those for whom there was no room before.
  func takeLastClients() {
    for index in record.listeners.indices where !record.listeners[index].isClosed {
      while record.listeners[index].lastClients > 0 {
        if record.table.isFull { return }
        record.listeners[index].lastClients -= 1
        if !accept(on: index) { break }
      }
      record.listeners[index].lastClients = 0
      record.listeners[index].isClosed = true
      Connections.close(record.listeners[index].fd)
    }
  }

  /// Somebody in a backlog is to be served still.
  var hasLastClients: Bool { record.listeners.contains { $0.lastClients > 0 } }
}
