import HTTP
import PluginHost

/// Frames the response to a request and encodes its parts; for HTTP/2 see `encodeSections`.
///
/// Belongs to the sender: the holder of the exchange's send right, or the thread that runs its handler.
struct ResponseFramer {
  private(set) var isChunked = false
  /// The connection can't be kept after this response.
  private(set) var closes = false
  /// A final head has been encoded.
  private(set) var hasHead = false
  /// The body ends with the connection.
  private(set) var endsByClose = false
  /// Why the response is aborted, if it is. Queued bytes are sent, and the connection ends.
  private(set) var cut: AbortReason?
  /// The client had closed its side before the final head.
  var followsDeparture = false
  /// The status of the final head; 0 before it.
  private(set) var status: UInt32 = 0
  /// The body bytes that were queued.
  private(set) var bodyBytes: UInt64 = 0
  /// The number of 103 (Early Hints) responses.
  private(set) var hints = 0

  /// Appends the bytes of `act` to `queue`.
  ///
  /// - Parameters:
  ///   - keepAlive: whether the connection may be kept after the response.
  ///   - owner: the exchange that is notified of the end of leases and tags.
  mutating func encode(
    _ act: ResponsePart, version: HTTPVersion, bounds: ResponseState.BodyBounds,
    keepAlive: Bool, owner: UInt64, into queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    if isAborted { return }
    if version.isHTTP2 { return encodeSections(act, bounds: bounds, owner: owner, into: &queue, thread) }
    switch act {
    case .informational(let status, let fields):
      countInformational(status)
      queue.write(bound: ResponseEncoder.bound(fields: fields, fieldBytes: fieldBytes(fields)), &thread.record.pool) {
        ResponseEncoder.writeInformational(status: status, fields: fields, to: &$0)
      }
    case .head(let status, let fields, let verdict, let whole):
      encodeHead(
        status, fields, verdict, whole, version: version, bounds: bounds, keepAlive: keepAlive, owner: owner,
        into: &queue, thread)
    case .body(let part, let fate):
      if !fate.isDropped { countBody(UInt64(part.total)) }
      let isWhole = appendChunk(UInt64(part.total), fate, &queue, thread) { queue in
        append(part, dropped: fate.isDropped, owner, &queue, thread)
      }
      if !isWhole { abort(.changedLength) }
    case .file(let part, let fate):
      if !fate.isDropped { countBody(part.length) }
      let isWhole = appendChunk(part.length, fate, &queue, thread) { queue in
        if fate.isDropped || part.length == 0 {
          settleLease(part.lease, part.tag, owner, &queue, thread)
        } else {
          queue.append(file: part, owner: owner, &thread.record.pool)
        }
      }
      if !isWhole { abort(.changedLength) }
    case .trailers(let fields):
      queue.write(bound: ResponseEncoder.bound(fields: fields, fieldBytes: fieldBytes(fields)), &thread.record.pool) {
        ResponseEncoder.writeTrailers(fields, to: &$0)
      }
    case .end:
      if isChunked { queue.append(Bytes(ResponseEncoder.lastChunk), &thread.record.pool) }
    case .abort(let reason): abort(reason)
    }
  }

  /// Appends a final HTTP/1 head and the body that comes with it. The same as `encode`, for callers that know that
  /// `act` is a final head and the response is not aborted.
  @inline(__always)
  mutating func encodeHead(
    _ status: UInt32, _ fields: Fields, _ verdict: FieldValidation.Verdict, _ whole: BodyPart?, version: HTTPVersion,
    bounds: ResponseState.BodyBounds, keepAlive: Bool, owner: UInt64, into queue: inout OutputQueue,
    _ thread: WorkerThread
  ) {
    assert(!isAborted && !version.isHTTP2)
    hasHead = true
    self.status = status
    let framing = framing(status, verdict, whole, bounds, version)
    if !keepAlive { closes = true }
    let connection: ResponseEncoder.ConnectionOption? =
      closes ? (status == 101 ? nil : .close) : version.isHTTP10 ? .keepAlive : nil
    let head = ResponseEncoder.FinalHead(
      status: status, fields: fields, framing: framing, verdict: verdict, connection: connection)
    let bound = ResponseEncoder.bound(fields: fields, fieldBytes: verdict.bytes)
    // A small body shares the buffer, and thus the system call.
    var joined: BodyPart?
    if let whole, !bounds.isAbsent, !whole.lease.outlivesCall, whole.total <= BufferPool.smallCapacity - bound {
      joined = whole
    }
    // The same as `write`, without a closure.
    let buffer = queue.tail(bound + (joined?.total ?? 0), &thread.record.pool)
    var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
    ResponseEncoder.writeInLine(head, thread.record.date.lines, to: &writer)
    if let joined { for index in 0..<joined.count { writer.append(joined[index]) } }
    queue.wrote(writer.count, to: buffer)
    guard let whole else { return }
    if !bounds.isAbsent && whole.count > 0 { countBody(UInt64(whole.total)) }
    if joined != nil {
      settleLease(whole.lease, whole.tag, owner, &queue, thread)
    } else {
      append(whole, dropped: bounds.isAbsent, owner, &queue, thread)
    }
  }

  /// Notes that the server itself responds with `status` and `bytes` of body.
  mutating func takesPage(_ status: UInt32, bytes: Int) {
    self.status = status
    bodyBytes = UInt64(bytes)
  }

  mutating func countInformational(_ status: UInt32) { if status == 103 { hints &+= 1 } }

  mutating func countBody(_ bytes: UInt64) { bodyBytes &+= bytes }

  mutating func takesHead(_ status: UInt32) {
    hasHead = true
    self.status = status
  }

  var isAborted: Bool { cut != nil }

  /// Aborts the response: nothing more of it is sent.
  mutating func abort(_ reason: AbortReason) {
    closes = true
    if cut == nil { cut = reason }
  }

  /// The server's response if the plugin has aborted its own before the head.
  @inline(__always)
  var page: Refusal? {
    guard let cut else { return nil }
    switch cut {
    case .failed: return .handlerFailed
    case .timedOut: return .handlerTimedOut
    default: return nil
    }
  }

  /// Prepares for another response, since nothing but hints has been encoded.
  mutating func restart() {
    assert(!hasHead)
    cut = nil
    closes = false
  }

  /// The client had left and did not receive the response.
  mutating func missesClient() { status = AccessRecord.clientClosedRequest }

  private mutating func framing(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, _ whole: BodyPart?, _ bounds: ResponseState.BodyBounds,
    _ version: HTTPVersion
  ) -> ResponseEncoder.Framing {
    if verdict.contentLength != nil { return .lengthGiven }
    if status == 204 || status == 304 { return .none }
    if status == 205 { return .length(0) }
    if let whole { return .length(Int64(whole.total)) }
    // The connection belongs to the WebSocket from here on.
    if status == 101 {
      closes = true
      endsByClose = true
      return .none
    }
    // HEAD without a known length.
    if bounds.isAbsent { return .none }
    if version.isHTTP10 {
      closes = true
      endsByClose = true
      return .untilClose
    }
    isChunked = true
    return .chunked
  }

  /// Appends body bytes with their chunk framing, and the end of the response.
  ///
  /// - Returns: false if there are fewer bytes than the chunk's head announces: the response has to be aborted.
  private func appendChunk(
    _ length: UInt64, _ fate: PartDisposition, _ queue: inout OutputQueue, _ thread: WorkerThread,
    _ content: (inout OutputQueue) -> Void
  ) -> Bool {
    let framed = isChunked && !fate.isDropped && length > 0
    if framed {
      queue.write(bound: ResponseEncoder.chunkHeadBound, &thread.record.pool) {
        ResponseEncoder.writeChunkHead(length, to: &$0)
      }
    }
    let before = queue.total
    content(&queue)
    if framed && queue.total &- before != length { return false }
    if framed { queue.append(Bytes(ResponseEncoder.chunkEnd), &thread.record.pool) }
    if fate.endsResponse && isChunked { queue.append(Bytes(ResponseEncoder.lastChunk), &thread.record.pool) }
    return true
  }

  func append(
    _ part: BodyPart, dropped: Bool, _ owner: UInt64, _ queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    if dropped || part.total == 0 {
      settleLease(part.lease, part.tag, owner, &queue, thread)
      return
    }
    for index in 0..<part.count {
      let bytes = part[index]
      if part.lease.outlivesCall {
        queue.append(lent: bytes, lease: part.lease, tag: part.tag, owner: owner, &thread.record.pool)
      } else {
        queue.append(bytes, &thread.record.pool)
      }
    }
    if !part.lease.outlivesCall && part.tag != 0 {
      queue.append(mark: part.tag, owner: owner, &thread.record.pool)
    }
  }

  /// Appends a mark, since nothing is sent but a tag has to be settled.
  @inline(__always)
  func settleLease(
    _ lease: Lease, _ tag: UInt64, _ owner: UInt64, _ queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    guard lease.outlivesCall || tag != 0 else { return }
    queue.append(lent: .empty, lease: lease, tag: tag, owner: owner, &thread.record.pool)
  }

  func fieldBytes(_ fields: Fields) -> Int {
    var bytes = 0
    for index in 0..<fields.count { bytes += fields[index].name.count + fields[index].value.count }
    return bytes
  }
}
