import HTTP
import PluginHost

/// How the answer to a request is framed, and its acts turned into bytes; for HTTP/2 see `encodeSections`.
///
/// Belongs to whoever may send: the holder of the exchange's send right, or the thread that runs its handler.
struct AnswerFraming {
  private(set) var isChunked = false
  /// The connection can't be kept after this answer.
  private(set) var closes = false
  /// A final head has been encoded.
  private(set) var hasHead = false
  /// The end of the connection is the end of the body.
  private(set) var endsByClose = false
  /// Why the answer is given up, if it is; what is queued goes out, and the connection ends.
  private(set) var cut: CutReason?
  /// The client had closed its side before the final head.
  var followsDeparture = false
  /// Of the final head; 0 before it.
  private(set) var status: UInt32 = 0
  /// Bytes of the body that were queued.
  private(set) var bodyBytes: UInt64 = 0
  /// How many 103 (Early Hints) there have been.
  private(set) var hints = 0

  /// Appends what `act` sends to `queue`.
  ///
  /// - Parameters:
  ///   - keepAlive: whether the connection may be kept after the answer.
  ///   - owner: the exchange that waits for the end of leases and tags.
  mutating func encode(
    _ act: ResponseAct, version: HTTPVersion, bounds: ResponseState.BodyBounds,
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
          settle(part.lease, part.tag, owner, &queue, thread)
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

  /// Appends a final head, over HTTP/1, and what comes with it: `encode` for callers that know their act to be that, in
  /// an answer that is not given up.
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
    let connection: ResponseEncoder.ConnectionOption? = closes ? .close : version.isHTTP10 ? .keepAlive : nil
    let head = ResponseEncoder.FinalHead(
      status: status, fields: fields, framing: framing, verdict: verdict, connection: connection)
    let bound = ResponseEncoder.bound(fields: fields, fieldBytes: verdict.bytes)
    // A small body shares the buffer, and so the system call.
    var joined: BodyPart?
    if let whole, !bounds.isAbsent, !whole.lease.outlivesCall, whole.total <= BufferPool.smallCapacity - bound {
      joined = whole
    }
    // As `write`, without a closure.
    let buffer = queue.tail(bound + (joined?.total ?? 0), &thread.record.pool)
    var writer = unsafe ByteWriter(base: buffer.free, capacity: buffer.freeCount)
    ResponseEncoder.writeInLine(head, thread.record.date.lines, to: &writer)
    if let joined { for index in 0..<joined.count { writer.append(joined[index]) } }
    queue.wrote(writer.count, to: buffer)
    guard let whole else { return }
    if !bounds.isAbsent && whole.count > 0 { countBody(UInt64(whole.total)) }
    if joined != nil {
      settle(whole.lease, whole.tag, owner, &queue, thread)
    } else {
      append(whole, dropped: bounds.isAbsent, owner, &queue, thread)
    }
  }

  /// The server answers itself, with `status` and so much of a body.
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

  /// Nothing more of the answer is sent.
  mutating func abort(_ reason: CutReason) {
    closes = true
    if cut == nil { cut = reason }
  }

  /// Nobody got it: the client had left.
  mutating func missesClient() { status = AccessRecord.clientClosedRequest }

  private mutating func framing(
    _ status: UInt32, _ verdict: FieldValidation.Verdict, _ whole: BodyPart?, _ bounds: ResponseState.BodyBounds,
    _ version: HTTPVersion
  ) -> ResponseEncoder.Framing {
    if verdict.contentLength != nil { return .lengthGiven }
    if status == 204 || status == 304 { return .none }
    if status == 205 { return .length(0) }
    if let whole { return .length(Int64(whole.total)) }
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

  /// A run of body within its chunk, and the end of the answer.
  ///
  /// - Returns: false where less follows than the chunk's head announces: the answer has to be given up.
  private func appendChunk(
    _ length: UInt64, _ fate: PartFate, _ queue: inout OutputQueue, _ thread: WorkerThread,
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
    if fate.endsAnswer && isChunked { queue.append(Bytes(ResponseEncoder.lastChunk), &thread.record.pool) }
    return true
  }

  func append(
    _ part: BodyPart, dropped: Bool, _ owner: UInt64, _ queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    if dropped || part.total == 0 {
      settle(part.lease, part.tag, owner, &queue, thread)
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

  /// Nothing is sent, but somebody waits for it to be done with.
  @inline(__always)
  func settle(
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
