import HTTP

// What the heads and trailers of a connection's streams take together is bounded, and counted for the connection as long
// as they stand: each stream alone may bring `limits.head`, and there may be many.

extension HTTP2Connection {
  /// [loop] Counts the memory of the stream's head and trailers.
  ///
  /// - Returns: false if the streams of the connection hold more together than they may.
  func countHead(of request: Request) -> Bool {
    let present = request.record.stream.reader.size + request.record.stream.trailers.size
    let change = present - request.record.stream.countedHead
    if change == 0 { return true }
    request.record.stream.countedHead = present
    record.heads += change
    return change < 0 || record.heads <= record.headLimit
  }

  /// [loop] The stream's record is given back.
  func uncountHead(of request: Request) {
    record.heads -= request.record.stream.countedHead
    request.record.stream.countedHead = 0
  }
}
