import Glibc
import HTTP
import Platform
import PluginHost

/// A thread that looks after the handler of a sync worker when the worker is to leave: its loop runs the handler, and hears
/// of nothing meanwhile.
///
/// When the requests' share of `server.graceful_timeout` is over, the handler is told; its calls fail with E_CANCELLED. If
/// it does not return, the client is sent a 503, if it was sent nothing, and the process ends.
final class HandlerWatch: @unchecked Sendable {
  // `thread` is set once, by the loop's thread, which alone uses it.
  private let wake: WakeDescriptor
  private var thread: Thread?

  /// Nil if the system has no thread left: then the handler is not told, and the master ends the worker.
  static func start() -> HandlerWatch? {
    guard let wake = try? WakeDescriptor() else { return nil }
    let watch = HandlerWatch(wake)
    watch.thread = try? Thread.start { watch.run() }
    return watch.thread == nil ? nil : watch
  }

  private init(_ wake: consuming WakeDescriptor) { self.wake = wake }

  /// [loop] No handler runs any more.
  func end() {
    wake.wake()
    thread?.join()
  }

  private func run() {
    guard let leaveBy = awaitDrain() else { return }
    let timeout = Worker.current.record.gracefulTimeout
    let isNow = leaveBy <= Clock.monotonic()
    if sleep(until: isNow ? 0 : Worker.requestsDeadline(leaveBy: leaveBy, timeout)) { return }
    HandlerWatch.visitHandled { HandlerWatch.cancel($0) }
    let patience = Clock.monotonic() &+ 200 * Clock.nanosecondsPerMillisecond
    if sleep(until: isNow ? patience : Worker.lastRequestsDeadline(leaveBy: leaveBy, timeout)) { return }
    HandlerWatch.visitHandled { HandlerWatch.end($0, isNow ? .serverStopped : .gracefulTimeout) }
    // The loop has gone on meanwhile, and has a share of the time left.
    _ = sleep(until: .max)
  }

  /// By when the worker has to be gone; nil if it ends before it has to.
  private func awaitDrain() -> UInt64? {
    let worker = Worker.current
    while true {
      if worker.record.slot.leaveBy != 0 { return worker.record.slot.leaveBy }
      var entries: InlineArray<2, pollfd> = [
        pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0),
        pollfd(fd: worker.record.channel.raw, events: Int16(POLLIN), revents: 0),
      ]
      var span = entries.mutableSpan
      _ = unsafe span.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, 2, -1) }
      if entries[0].revents != 0 { return nil }
      if worker.record.slot.leaveBy != 0 { continue }
      // The master is gone.
      if entries[1].revents & Int16(POLLHUP) != 0 { return Clock.monotonic() &+ worker.record.gracefulTimeout }
      // The loop reads the message, when it can.
      if entries[1].revents != 0 && sleep(until: Clock.monotonic() &+ 50 * Clock.nanosecondsPerMillisecond) {
        return nil
      }
    }
  }

  /// Until that moment; true if no handler runs any more.
  private func sleep(until moment: UInt64) -> Bool { Connections.wait(wake.raw, writing: false, deadline: moment) }

  // MARK: The request

  /// The one whose handler runs, if one does; it does not end meanwhile.
  private static func visitHandled(_ body: (Request) -> Void) {
    let worker = Worker.current
    let number = worker.record.handling.load(ordering: .acquiring)
    guard number != 0, let address = unsafe UnsafeMutableRawPointer(bitPattern: number),
      worker.record.handling.compareExchange(expected: number, desired: number | 1, ordering: .acquiringAndReleasing)
        .exchanged
    else { return }
    body(unsafe Request(raw: address))
    worker.record.handling.store(number, ordering: .releasing)
  }

  private static func cancel(_ request: Request) {
    request.record.exchange?.cancel(.cancelled)
    Worker.current.record.cutBell.wake()
  }

  /// The handler has not returned, and is left where it is: the process ends.
  private static func end(_ request: Request, _ refusal: Refusal) {
    let worker = Worker.current
    let isIdle = !request.record.isSending.exchange(true, ordering: .acquiring)
    if !isIdle || !request.isWhole {
      let takesPage =
        isIdle && !request.record.headIsOut
        && request.record.connection.record.flags.isDisjoint(with: [.broken, .severed])
      if takesPage { worker.sendLastPage(request, refusal) }
      worker.note(refusal, request)
    }
    worker.account(request)
    worker.record.accessLog?.end(Clock.monotonic())
    let name = request.record.exchange?.record.plugin.record.nameText ?? "?"
    worker.record.log.error("plugin \(name): handle() has not returned, so that worker_stop is not called")
    // Something is left behind, and whoever watches the server is to know.
    Process.leave(refusal == .serverStopped ? .ok : .software)
  }
}

extension Worker {
  /// Sends the page of a refusal past what is queued, from a thread that is not the loop's.
  fileprivate func sendLastPage(_ request: Request, _ refusal: Refusal) {
    let status = refusal.status
    let isHead = request.head.traits.contains(.head)
    request.record.answer = AnswerFraming()
    request.record.answer.takesPage(status, bytes: isHead ? 0 : ErrorPage.length(status))
    if request.isStream { return }
    var date = DateField()
    date.update(Clock.epochSeconds())
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 1024) { room in
      var writer = unsafe ByteWriter(base: room.baseAddress.unsafelyUnwrapped, capacity: room.count)
      withFields(of: refusal, nil) { fields in
        let head = ResponseEncoder.FinalHead(
          status: status, fields: fields, framing: .length(Int64(ErrorPage.length(status))),
          verdict: FieldValidation.Verdict(), connection: .close)
        ResponseEncoder.write(head, date: date, to: &writer)
      }
      if !isHead { ErrorPage.write(status, to: &writer) }
      request.record.connection.sendAtOnce(unsafe Bytes(base: UnsafePointer(room.baseAddress), count: writer.count))
    }
    request.record.connection.endOutput()
  }
}
