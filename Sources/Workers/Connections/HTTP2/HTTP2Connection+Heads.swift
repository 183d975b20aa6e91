import HTTP

// The memory of all heads and trailers of a connection's streams is bounded together: each stream may use
// `limits.head`, and there may be many streams.

extension HTTP2Connection {
  /// [loop] Counts the memory of the stream's head and trailers for the connection.
  ///
  /// - Returns: false if the streams of the connection exceed the bound.
  func countHead(of request: Request) -> Bool {
    let present = request.record.stream.reader.size + request.record.stream.trailers.size
    let change = present - request.record.stream.countedHead
    if change == 0 { return true }
    request.record.stream.countedHead = present
    record.heads += change
    return change < 0 || record.heads <= record.headLimit
  }

  /// [loop] Removes the stream's head and trailers from the count.
  func uncountHead(of request: Request) {
    record.heads -= request.record.stream.countedHead
    request.record.stream.countedHead = 0
  }
}
