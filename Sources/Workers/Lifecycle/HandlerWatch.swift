import Glibc
import HTTP
import IPC
import Platform
import PluginHost

/// A thread that watches the handler of a sync worker while the worker drains: the loop's thread runs the handler and
/// receives no messages meanwhile.
///
/// When the requests' share of `server.graceful_timeout` has passed, the handler's calls fail with E_CANCELLED. If the
/// handler then does not return, the process exits; a client that has received nothing gets a 503 first.
final class HandlerWatch: @unchecked Sendable {
  // `thread` is written once and used only by the loop's thread.
  private let worker: Worker
  private let wake: WakeDescriptor
  private var thread: Thread?
  // The other fields belong to the watching thread.
  private var leaveBy: UInt64 = 0
  private var standstill = StallDetector(tolerance: DrainTime.tolerance)
  private var grace = StandstillGrace()

  /// Nil if the system has no thread left. Then the handler is not told, and the master kills the worker.
  static func start(_ worker: Worker) -> HandlerWatch? {
    guard let wake = try? WakeDescriptor() else { return nil }
    let watch = HandlerWatch(worker, wake)
    watch.thread = try? Thread.start("outrider-watch") { watch.run() }
    return watch.thread == nil ? nil : watch
  }

  private init(_ worker: Worker, _ wake: consuming WakeDescriptor) {
    self.worker = worker
    self.wake = wake
  }

  /// [loop] Ends the thread. No handler runs any more.
  func end() {
    wake.wake()
    thread?.join()
  }

  private func run() {
    guard let moment = awaitDrain() else { return }
    Worker.current.record.runtime.record.isDraining.store(true, ordering: .relaxed)
    leaveBy = moment
    // The loop, which learns of the drain when the handler has returned, counts from the same time.
    if !hasMaster && !leavesNow {
      worker.record.handler.setMoment(moment)
    }
    let timeout = worker.record.draining.timeout
    // There may have been a standstill since the master sent the message.
    if !leavesNow && leaveBy <= Clock.monotonic() { grace.begin(Clock.monotonic(), hasMaster: hasMaster) }
    if sleep(until: { Draining.requestsDeadline(leaveBy: $0, timeout) }) { return }
    worker.record.handler.setCut()
    worker.record.handler.visit { self.cancel($0) }
    let patience = Clock.monotonic() &+ 200 * Clock.nanosecondsPerMillisecond
    if sleep(until: { $0 == ScoreboardSlot.exitNow ? patience : Draining.lastRequestsDeadline(leaveBy: $0, timeout) }) {
      return
    }
    worker.record.handler.visit { self.end($0, self.leavesNow ? .serverStopped : .gracefulTimeout) }
    // The handler has returned, and the loop drains for the rest of the time.
    _ = sleep(until: { _ in .max })
  }

  /// A master has set the time to exit, and postpones it after a standstill.
  private var hasMaster: Bool { worker.record.slot.exitDeadline != 0 }

  private var leavesNow: Bool { leaveBy == ScoreboardSlot.exitNow }

  /// Waits until the worker has to drain. Returns when it has to exit; nil if this thread ends first.
  private func awaitDrain() -> UInt64? {
    // -1 after a plugin has closed it.
    var shutdownPipe = worker.record.shutdownPipe
    // -1 when the master is gone. The supervisor then tells the worker when to exit.
    var master = worker.record.channel.raw
    while true {
      if worker.record.slot.exitDeadline != 0 { return worker.record.slot.exitDeadline }
      var entries: InlineArray<3, pollfd> = [
        pollfd(fd: wake.raw, events: Int16(POLLIN), revents: 0),
        pollfd(fd: master, events: Int16(POLLIN), revents: 0),
        pollfd(fd: shutdownPipe, events: Int16(POLLIN), revents: 0),
      ]
      var span = entries.mutableSpan
      _ = unsafe span.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, 3, -1) }
      if entries[0].revents != 0 { return nil }
      if worker.record.slot.exitDeadline != 0 { continue }
      if entries[2].revents & Int16(POLLNVAL) != 0 {
        shutdownPipe = -1
        continue
      }
      switch entries[2].revents == 0 ? nil : ShutdownPipe.command(shutdownPipe) {
      case .stop: return ScoreboardSlot.exitNow
      case .drain, .supervisorGone: return Clock.monotonic() &+ worker.record.draining.timeout
      case nil: break
      }
      if entries[1].revents & Int16(POLLHUP) != 0 {
        if shutdownPipe < 0 { return Clock.monotonic() &+ worker.record.draining.timeout }
        master = -1
        continue
      }
      // The message is for the loop. Or a plugin has closed the descriptor, and its number is in use for another file.
      let pause = Clock.monotonic() &+ 50 * Clock.nanosecondsPerMillisecond
      if ConnectedSocket.wait(wake.raw, writing: false, deadline: pause) { return nil }
    }
  }

  /// Sleeps until a moment that depends on the exit time, which standstills postpone; true if the handler has returned.
  private func sleep(until moment: (_ leaveBy: UInt64) -> UInt64) -> Bool {
    while true {
      // The turn first: the master notes it after it has postponed the exit.
      grace.update(masterTurn: worker.record.slot.masterTurn)
      if hasMaster { leaveBy = worker.record.slot.exitDeadline }
      if worker.isStoppedBySupervisor { leaveBy = ScoreboardSlot.exitNow }
      let now = Clock.monotonic()
      let end = leavesNow ? moment(leaveBy) : max(moment(leaveBy), grace.end)
      guard now < end else { return false }
      let look = min(end, now &+ DrainTime.look)
      standstill.plan(look)
      if ConnectedSocket.wait(wake.raw, writing: false, deadline: look) { return true }
      let length = standstill.length(at: Clock.monotonic())
      guard length > 0 else { continue }
      // There is no master to postpone it.
      if !hasMaster && !leavesNow {
        leaveBy = leaveBy.postponed(by: length &+ DrainTime.look)
      }
      grace.begin(Clock.monotonic(), hasMaster: hasMaster)
      worker.record.handler.addStandstill(length &+ DrainTime.look)
    }
  }

  // MARK: The request

  private func cancel(_ request: Request) {
    request.record.exchange?.cancel(.cancelled)
    worker.record.draining.cutWake.wake()
  }

  /// The handler has not returned: the process exits without it.
  private func end(_ request: Request, _ refusal: Refusal) {
    let isIdle = !request.record.isSending.exchange(true, ordering: .acquiring)
    if !isIdle || !HTTP1Channel(worker, request).isWhole {
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
    // The exit status shows that a handler was abandoned.
    Process.exit(refusal == .serverStopped ? .ok : .software)
  }
}

extension Worker {
  /// Sends the page of a refusal without the output queue, from a thread other than the loop's.
  fileprivate func sendLastPage(_ request: Request, _ refusal: Refusal) {
    let status = refusal.status
    let isHead = request.head.traits.contains(.head)
    request.record.framer = ResponseFramer()
    request.record.framer.takesPage(status, bytes: isHead ? 0 : ErrorPage.length(status))
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
