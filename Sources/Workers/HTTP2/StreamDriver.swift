import HTTP
import Platform
import PluginHost

/// What an HTTP/2 session calls while bytes are read and frames are made. Nothing here calls a plugin: streams are put
/// on the connection's list, and looked at when the session has returned.
enum StreamDriver {
  nonisolated(unsafe) static let table: UnsafePointer<HTTP2Driver> = {
    // Made once and never changed.
    let table = UnsafeMutablePointer<HTTP2Driver>.allocate(capacity: 1)
    unsafe table.initialize(
      to: HTTP2Driver(
        open: { unsafe StreamDriver.open(Connection(raw: $0), $1) },
        take: { connection, stream, event in
          unsafe StreamDriver.take(
            Connection(raw: connection), Request(raw: stream), event.assumingMemoryBound(to: HTTP2Event.self).pointee)
        },
        offer: { _, stream, limit, end in unsafe StreamDriver.offer(Request(raw: stream), limit, end) },
        frame: { connection, stream, header, length in
          unsafe StreamDriver.frame(Connection(raw: connection), Request(raw: stream), header, length)
        }))
    return unsafe UnsafePointer(table)
  }()

  // MARK: Reading

  private static func open(_ connection: Connection, _ id: Int32) -> UnsafeMutableRawPointer? {
    let worker = Worker.current
    guard let http2 = connection.record.http2, !http2.record.isEnding else { return nil }
    // A stream that was reset is over for the client, but stays until its handler has returned; one that has just ended
    // until this turn's end.
    let most = Int(worker.record.settings.http2.maxConcurrentStreams)
    guard http2.record.open < most, http2.record.count < 2 * most, let request = worker.record.requests.open(connection)
    else { return nil }
    if http2.record.count == 0 { connection.record.deadline = http2.record.nextShutdownStep }
    request.record.stream.id = id
    http2.link(request)
    worker.setDeadline(of: request, worker.record.now &+ worker.record.settings.timeouts.head)
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
    case .body(let bytes): takeBody(bytes, request)
    case .end(let trailers):
      request.record.stream.flags.insert(.inputEnded)
      if trailers, request.record.stream.failure == nil {
        request.record.stream.failure = unsafe request.record.stream.trailers.finish(
          request.record.storage.trailerFields())
      }
    case .answered:
      request.record.stream.flags.insert(.answered)
      if !request.record.stream.flags.contains(.inputEnded) {
        // The rest of the body is not wanted (RFC 9113 section 8.1).
        http2.record.session.reset(request.record.stream.id, .noError)
      }
    case .closed:
      request.record.stream.flags.insert(.closed)
      http2.noteClosed(request)
    }
    queue(request)
  }

  private static func queue(_ request: Request) { Worker.current.queue(request) }

  private static func takeBody(_ bytes: Bytes, _ request: Request) {
    let worker = Worker.current
    request.record.stream.received += Int64(bytes.count)
    if request.record.stream.received > worker.record.settings.limits.body, request.record.stream.failure == nil {
      request.record.stream.failure = .bodyTooLarge
    }
    // Nobody will read it, and its window stays as it is.
    let flags = request.record.stream.flags
    if flags.contains(.finished) || flags.contains(.answered) || request.record.stream.failure != nil { return }
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
    let worker = Worker.current
    guard connection.record.output.count < Worker.framedAtOnce else {
      connection.record.http2?.record.isFull = true
      return 0
    }
    switch unsafe connection.record.output.frame(
      header, length, from: &request.record.stream.output, &worker.record.thread.record.pool)
    {
    case .whole: break
    case .notBegun:
      // Dropped since it was offered, or a file that has become shorter: the session resets the stream.
      request.record.lane.failFile()
      if !request.record.stream.output.isEmpty { request.record.answer.abort(.unreadableFile) }
      return -1
    case .outOfStep:
      worker.breakOutOfStep(connection)
      return -1
    }
    request.record.stream.onItsWay &+= length
    request.record.stream.framedTo = worker.allSent(connection) &+ connection.record.output.total
    if request.record.stream.output.isEmpty {
      request.record.stream.progress = TransferProgress()
    } else {
      request.record.stream.progress.flowed(worker.record.now)
    }
    connection.record.http2?.countOutput(of: request, limit: worker.record.settings.outputLimit)
    request.record.stream.flags.insert(.moved)
    queue(request)
    return 1
  }
}

extension Connection {
  init(raw: UnsafeMutableRawPointer) {
    unsafe address = raw.assumingMemoryBound(to: ConnectionRecord.self)
  }
}
