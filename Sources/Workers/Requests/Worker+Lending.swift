import HTTP
import Platform
import PluginHost

// Blocking exchanges under gthread: the loop gathers the head and up to a pipe full of body, then lends the connection to
// a thread of the pool until the answer is out. So a slow client holds no thread before that.

extension Worker {
  /// Gathers the body; true if the connection is lent, or in another phase, now.
  @inline(never)
  func advanceLending(_ request: Request, _ exchange: Exchange) -> Bool {
    let head = request.record.parser.head
    if !head.traits.contains(.expectsContinue) && !request.record.bodyEnded { feedPipe(request, exchange) }
    if let refusal = request.record.pendingRefusal {
      end(exchange, of: request, opened: false)
      refuse(request.record.connection, refusal)
      return true
    }
    let waitsForBody = request.record.awaitsBody && !request.record.bodyEnded
    if waitsForBody { return false }
    // Answers of the loop's own that the client has yet to take go out first: what the thread sends at once, a 100 for
    // instance, would get into the middle of them.
    let connection = request.record.connection
    transmit(connection)
    guard connection.record.output.isEmpty else { return connection.record.flags.contains(.broken) }
    lend(request)
    return true
  }

  private func lend(_ request: Request) {
    let connection = request.record.connection
    stopAwaitingBody(request)
    connection.record.phase = .lent
    if let pool = record.pool { handOver(request, to: pool) }
  }

  /// The thread is done with it: the loop goes on with the connection.
  func takeBack(_ request: Request) {
    guard let exchange = request.record.exchange else { return }
    let lane = request.record.lane
    lane.monitor.lock()
    let (done, answered) = (lane.handlerDone, lane.handlerAnswered)
    lane.monitor.unlock()
    guard done else { return }
    let connection = request.record.connection
    connection.record.phase = .exchange
    hear(connection, connection.record.missed)
    connection.record.missed = []
    if connection.record.tls != nil {
      // TLS may have read more than the thread took, which no edge tells of.
      connection.record.flags.subtract(.crossed)
      connection.record.flags.formUnion([.readable, .writable])
    }
    finishHandler(request, exchange, answered: answered)
    queue(connection)
  }

  /// The connection is looked at because of its deadline: its request may have been back for long.
  func expireLoan(_ connection: Connection) {
    if connection.record.loan.isReturned, let request = connection.record.request {
      takeBack(request)
    } else {
      setDeadline(connection, record.now &+ record.settings.timeouts.keepalive)
    }
  }

  /// A thread that gives a request back from now on says so; what is back already is taken.
  func recall(_ connection: Connection) {
    let isBack = connection.record.loan.notice()
    if connection.record.phase == .lent {
      if isBack, let request = connection.record.request { takeBack(request) }
    } else {
      queue(connection)
    }
  }
}
