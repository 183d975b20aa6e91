import HTTP
import Platform
import Synchronization

// What the streams of a connection hold together is bounded like the output of one: `limits.output` is for a connection.
//
// The principle: a client decides how long its windows stay shut, so what waits behind them must not grow with the
// number of streams. Where they hold too much together, a stream goes on by pieces of its own small share: none that
// the client does read is stopped by those that it does not.

extension Request {
  /// What a stream may hold though the others hold too much: a frame.
  static let streamShare = 16 << 10

  /// [any-thread] Whether its connection's streams hold more together than they may.
  var isCrowded: Bool {
    isStream && record.connection.record.http2?.record.isCrowded.load(ordering: .acquiring) == true
  }
}

extension HTTP2Connection {
  /// [loop] Counts what the stream holds now.
  ///
  /// - Parameter limit: the most that all streams may hold before each has to do with its share.
  func countOutput(of request: Request, limit: Int) {
    let present = request.record.stream.output.held
    let change = present - request.record.stream.countedOutput
    if change == 0 { return }
    request.record.stream.countedOutput = present
    record.held += change
    if record.isCrowded.load(ordering: .relaxed) {
      if record.held <= limit / 2 { wakeCrowd() }
    } else if record.held > limit {
      record.isCrowded.store(true, ordering: .releasing)
    }
  }

  /// There is room again for whoever waits: the loop looks at plugins' streams, and handlers' threads at their own.
  private func wakeCrowd() {
    record.isCrowded.store(false, ordering: .releasing)
    visit { request in
      if request.record.resumeDue { queue(request) }
      if request.record.usesLane.load(ordering: .relaxed) { request.record.lane.wakeHandler() }
    }
  }
}
