import PluginHost

extension Worker {
  /// Ends the leases and notes the tags of segments that are done. A release calls into the plugin, so it never happens
  /// inside a change of a record.
  ///
  /// - Parameter request: the request that the segments may belong to.
  /// - Returns: whether its exchange has to be notified, and the request advanced.
  func release(_ segments: SegmentList, of request: Request?) -> Bool {
    var list = segments
    var isAwaited = false
    while let segment = list.pop() {
      if let release = unsafe segment.record.release { unsafe release(segment.record.context) }
      if let request, let exchange = request.record.exchange, exchange.handle.id == segment.record.owner {
        request.record.unsettled -= 1
        if segment.record.tag != 0 { request.record.sentTags.append(segment.record.tag) }
        if unsafe segment.record.release == nil && segment.record.tag == 0 { request.record.pipe.fileDone() }
        isAwaited = true
      }
      record.thread.record.pool.give(segment)
    }
    return isAwaited
  }

  /// The same for a connection's own queue, which over HTTP/2 holds no such segments.
  @inline(__always)
  func releaseLeases(of connection: Connection) {
    if !connection.record.output.done.isEmpty { releaseDone(connection) }
  }

  @inline(never)
  private func releaseDone(_ connection: Connection) {
    if release(connection.record.output.takeDone(), of: connection.record.request) { driver(connection).queue() }
  }
}
