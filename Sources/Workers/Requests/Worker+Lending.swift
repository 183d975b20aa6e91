import HTTP
import Platform
import PluginHost

// Blocking exchanges under gthread: the loop gathers the head and up to a pipe full of body, then lends the connection to
// a thread of the pool until the answer is out. So a slow client holds no thread before that.

extension Worker {
  /// Gathers the body; true if the connection is lent, or in another phase, now.
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
    lend(request)
    return true
  }

  private func lend(_ request: Request) {
    let connection = request.record.connection
    stopAwaitingBody(request)
    setDeadline(connection, .max)
    connection.record.phase = .lent
    if let pool = record.pool { handOver(request, to: pool) }
  }

  /// The thread is done with it.
  func takeBack(_ request: Request) {
    guard let exchange = request.record.exchange else { return }
    let lane = request.record.lane
    lane.monitor.lock()
    let (done, answered) = (lane.handlerDone, lane.handlerAnswered)
    lane.monitor.unlock()
    guard done else { return }
    let connection = request.record.connection
    connection.record.phase = .exchange
    // What epoll told meanwhile was not heard.
    connection.record.flags.subtract(.crossed)
    connection.record.flags.formUnion([.readable, .writable])
    finishHandler(request, exchange, answered: answered)
    queue(connection)
  }
}
