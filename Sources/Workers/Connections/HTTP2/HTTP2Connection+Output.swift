import HTTP
import Platform
import Synchronization

// The output of all streams of a connection is bounded together by `limits.output`, like that of an HTTP/1 connection.
//
// The principle: a client decides how long its windows stay closed, so the output behind them must not grow with the
// number of streams. When the streams exceed the bound, each may continue within a small share of its own. A stream
// that the client reads is never blocked by streams that it does not read.

extension Request {
  /// The share of a stream when the connection exceeds the bound: one frame.
  static let streamShare = 16 << 10
}

extension HTTP2Connection {
  /// [loop] Counts the bytes that the stream holds now.
  ///
  /// - Parameter limit: the bound for all streams, above which each is limited to its share.
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

  /// There is room again. The loop advances the streams of event-style plugins and wakes waiting handlers.
  private func wakeCrowd() {
    record.isCrowded.store(false, ordering: .releasing)
    visit { request in
      if request.record.resumeDue { queue(request) }
      if request.record.usesPipe.load(ordering: .relaxed) { request.record.pipe.wakeHandler() }
    }
  }
}
