import HTTP
import Platform
import PluginHost

/// The callbacks of an HTTP/2 session that reads bytes and makes frames. No callback calls a plugin: streams are put on
/// the connection's list, and advanced when the session has returned.
enum StreamDelegate {
  nonisolated(unsafe) static let table: UnsafePointer<HTTP2SessionDelegate> = {
    // Made once and never changed.
    let table = UnsafeMutablePointer<HTTP2SessionDelegate>.allocate(capacity: 1)
    unsafe table.initialize(
      to: HTTP2SessionDelegate(
        open: { unsafe StreamDelegate.open(Connection(raw: $0), $1) },
        didReceive: { connection, stream, event in
          unsafe StreamDelegate.take(
            Connection(raw: connection), Request(raw: stream), event.assumingMemoryBound(to: HTTP2Event.self).pointee)
        },
        readableBytes: { _, stream, limit, end in unsafe StreamDelegate.offer(Request(raw: stream), limit, end) },
        writeFrame: { connection, stream, header, length in
          unsafe StreamDelegate.frame(Connection(raw: connection), Request(raw: stream), header, length)
        }))
    return unsafe UnsafePointer(table)
  }()

  // MARK: Reading

  private static func open(_ connection: Connection, _ id: Int32) -> UnsafeMutableRawPointer? {
    // The last stream ID is fixed when GOAWAY is queued, which may wait for room.
    guard let http2 = connection.record.http2, !http2.record.isEnding, http2.record.shutdown != .refusing else {
      return nil
    }
    let worker = http2.worker
    // A reset stream has ended for the client, but its record remains until its handler has returned. The record of a
    // stream that has just ended remains until the end of this turn.
    let most = Int(worker.record.settings.http2.maxConcurrentStreams)
    guard http2.record.open < most, http2.record.count < 2 * most, let request = worker.record.requests.open(connection)
    else { return nil }
    if http2.record.count == 0 { connection.record.deadline = http2.record.nextShutdownStep }
    request.record.stream.id = id
    http2.link(request)
    http2.channel(of: request).setDeadline(worker.record.clock.now &+ worker.record.settings.timeouts.head)
    return unsafe request.raw
  }

  private static func take(_ connection: Connection, _ request: Request, _ event: HTTP2Event) {
    guard let http2 = connection.record.http2 else { return }
    switch event {
    case .field(let field, false):
      request.record.stream.reader.take(field)
      if !http2.countHead(of: request) { request.record.stream.reader.refuse(.headsTooLarge) }
      return
    case .field(let field, true):
      request.record.stream.trailers.take(field)
      if !http2.countHead(of: request) { request.record.stream.trailers.refuse(.headsTooLarge) }
      return
    case .head(let ends):
      request.record.stream.failure = request.record.stream.reader.finish(ends: ends)
      request.record.stream.flags.insert(ends ? [.hasHead, .inputEnded] : .hasHead)
      _ = http2.countHead(of: request)
    case .body(let bytes): takeBody(bytes, request, http2.worker)
    case .end(let trailers):
      request.record.stream.flags.insert(.inputEnded)
      if trailers, request.record.stream.failure == nil {
        request.record.stream.failure = unsafe request.record.stream.trailers.finish(
          request.record.storage.trailerFields())
      }
    case .responseEnded:
      request.record.stream.flags.insert(.framed)
      if !request.record.stream.flags.contains(.inputEnded) && !request.mayBeRead {
        http2.channel(of: request).discardBody(http2)
      }
    case .closed:
      request.record.stream.flags.insert(.closed)
      if request.record.stream.flags.contains(.discarding) { http2.channel(of: request).stopDiscarding() }
      http2.noteClosed(request)
    }
    http2.channel(of: request).queue()
  }

  private static func takeBody(_ bytes: Bytes, _ request: Request, _ worker: Worker) {
    request.record.stream.received += Int64(bytes.count)
    if request.record.stream.received > worker.record.settings.limits.body, request.record.stream.failure == nil,
      !request.head.traits.contains(.upgrade)
    {
      request.record.stream.failure = .bodyTooLarge
    }
    let flags = request.record.stream.flags
    if flags.contains(.discarding) { return HTTP2Channel(worker, request).discard(bytes.count) }
    // Nobody will read the bytes, and the window stays closed.
    if flags.contains(.finished) || flags.contains(.framed) && !request.mayBeRead { return }
    if request.record.stream.failure != nil { return }
    request.record.stream.input.append(bytes, &worker.record.thread.record.pool)
  }

  // MARK: Writing

  private static func offer(_ request: Request, _ limit: Int, _ end: UnsafeMutablePointer<UInt8>) -> Int {
    let (count, next) = request.record.stream.output.offer(limit)
    var follows = HTTP2BodyEnd.open
    switch next {
    case .end: follows = .stream
    case .trailers:
      follows = .trailers
      request.record.connection.record.http2?.record.session.trailers(
        request.record.stream.id, request.record.stream.output.nextSection)
    default: if count == 0 { request.record.stream.flags.insert(.deferred) }
    }
    unsafe end.pointee = follows.rawValue
    return count
  }

  private static func frame(
    _ connection: Connection, _ request: Request, _ header: UnsafePointer<UInt8>, _ length: Int
  ) -> Int32 {
    guard let http2 = connection.record.http2 else { return -1 }
    let worker = http2.worker
    guard connection.record.output.count < HTTP2Connection.framedAtOnce else {
      http2.record.isFull = true
      return 0
    }
    switch unsafe connection.record.output.frame(
      header, length, from: &request.record.stream.output, &worker.record.thread.record.pool)
    {
    case .whole: break
    case .notBegun:
      // The bytes were dropped since they were offered, or a file has become shorter: the session resets the stream.
      request.record.pipe.failFile()
      if !request.record.stream.output.isEmpty { request.record.framer.abort(.unreadableFile) }
      return -1
    case .outOfStep:
      http2.abortOutOfStep()
      return -1
    }
    request.record.stream.onItsWay &+= length
    request.record.stream.framedTo = connection.allSent &+ connection.record.output.total
    if request.record.stream.output.isEmpty {
      request.record.stream.progress = TransferProgress()
    } else {
      request.record.stream.progress.flowed(worker.record.clock.now)
    }
    http2.countOutput(of: request, limit: worker.record.settings.outputLimit)
    http2.record.framedAt = worker.record.clock.now
    request.record.stream.flags.insert(.moved)
    http2.channel(of: request).queue()
    return 1
  }
}
