import Glibc
import HTTP
import Platform
import PluginHost

// Moving one connection as far as it goes: the state machine of a connection, from `ConnectionPhase` to `ConnectionPhase`.
//
// Every request passes through here. Cold paths are outlined, here and in the functions that are called from here, to
// keep the hot path contiguous in the instruction cache.

extension ConnectionDriver {
  /// Does everything that can be done for `connection` now, and sets a deadline for the rest.
  @inline(never)
  func pumpOutlined() { pump() }

  /// The same, inlined for the path of every request. A system call flushes the return predictor; inlining avoids
  /// mispredicted returns to the loop.
  @inline(always)
  func pump() {
    let budget = worker.record.recycling.begun &+ Self.requestsPerTurn
    var isDue = false
    while connection.record.phase.isOnLoop {
      if worker.record.recycling.begun == budget {
        // Other connections wait: a client that pipelines many requests is served further in the next turn.
        isDue = true
        break
      }
      // Requests to look at this connection again are honoured in the next iteration.
      worker.record.ready.begin(connection)
      if connection.record.flags.contains(.broken) {
        worker.record.ready.end()
        abort(connection.record.failure)
        return
      }
      let moved: Bool
      switch connection.record.phase {
      case .proxyHeader: moved = readProxyHeader()
      case .handshake: moved = advanceHandshake()
      case .idle, .head: moved = http1.readHead()
      case .http2: moved = connection.record.http2?.advance() ?? false
      case .exchange: moved = http1.advanceExchange()
      case .sending: moved = http1.finishSending()
      case .discarding: moved = http1.discardBody()
      case .closing: moved = advanceClosing()
      case .lingering: moved = linger()
      case .upgraded, .free, .ownedByThread: moved = false
      }
      worker.record.ready.end()
      if !moved {
        isDue = worker.record.ready.isCurrentAgain
        break
      }
      if isIdleAndEmpty() { break }
    }
    if isDue { queue() }
    guard connection.record.phase.isOnLoop else { return }
    transmit()
    worker.releaseLeases(of: connection)
    superviseOutput()
    if connection.record.phase == .idle || connection.record.phase == .head,
      !connection.record.flags.isDisjoint(with: [.readable, .waitsForOutput]),
      http1.hasDrainedOutput
    {
      // Reading had stopped for a response that the client has just read.
      connection.record.flags.remove(.waitsForOutput)
      queue()
    }
  }

  private static let requestsPerTurn: UInt64 = 16

  /// Between two requests, with nothing of the next received: the common state after a response.
  @inline(always)
  private func isIdleAndEmpty() -> Bool {
    connection.record.phase == .idle && connection.record.input == nil
      && connection.record.flags.isDisjoint(with: [.readable, .broken])
  }

  /// Sets a deadline for output that the client does not read, whatever else the connection waits for.
  @inline(always)
  private func superviseOutput() {
    if connection.record.output.isEmpty || connection.record.flags.contains(.writable) { return }
    superviseBlockedOutput()
  }

  @inline(never)
  private func superviseBlockedOutput() {
    if !connection.record.progress.isRunning { connection.record.progress.resume(worker.record.clock.now) }
    let moment = nextOutputCheck(connection.record.progress)
    guard moment < connection.record.deadline else { return }
    // Both deadlines may be unset.
    if connection.record.deadline == .max || connection.record.deadline != connection.record.outputDeadline {
      connection.record.phaseDeadline = connection.record.deadline
    }
    checkOutput(at: moment)
  }

  // MARK: Output

  /// Sends queued output and supervises its progress. Makes no call to the plugin, so that a host function may call it;
  /// the next `flush` settles what has been sent.
  func transmitOutlined() { transmit() }

  /// The same, inlined for the path of every request, as `pump` is.
  @inline(always)
  private func transmit() {
    guard connection.record.flags.contains(.writable), !connection.record.output.isEmpty else { return }
    let before = connection.record.output.sent
    let result = connection.flushOutput(&worker.record.thread.record.pool)
    if case .failed(let outcome) = result { return outputFailed(outcome) }
    if case .blocked = result { connection.record.flags.remove(.writable) }
    outputMoved(before)
  }

  @inline(never)
  private func outputFailed(_ outcome: CallStatus) {
    connection.record.flags.insert(.broken)
    connection.record.failure = outcome
    if outcome == .io, let request = connection.record.request { request.record.pipe.failFile() }
    queue()
  }

  @inline(always)
  private func outputMoved(_ before: UInt64) {
    if connection.record.output.isEmpty {
      // The queue is empty: the time until the next output does not count against the client.
      if connection.record.progress.isRunning { connection.record.progress.pause(worker.record.clock.now) }
    } else {
      outputIsSlow(before)
    }
    guard let request = connection.record.request, request.record.exchange != nil else { return }
    HTTP1Channel(worker, request).outputDrained(connection.record.output.count)
  }

  /// Part of the output has been sent.
  @inline(never)
  private func outputIsSlow(_ before: UInt64) {
    if !connection.record.progress.isRunning {
      connection.record.progress.resume(worker.record.clock.now)
    } else if connection.record.output.sent != before {
      connection.record.progress.flowed(worker.record.clock.now)
    }
  }

  // MARK: Deadlines

  /// Sets the moment of the next check of output that the client does not read.
  func checkOutput(at moment: UInt64) {
    connection.record.outputDeadline = moment
    setDeadline(moment)
  }

  func setDeadline(_ moment: UInt64) {
    connection.record.deadline = moment
    if !DeadlineWheel.isInTime(connection) { schedule() }
  }

  /// Makes sure that `connection` is checked at `moment` at the latest.
  func lowerDeadline(_ moment: UInt64) {
    if moment < connection.record.deadline { setDeadline(moment) }
  }

  @inline(never)
  private func schedule() { worker.record.wheel.schedule(connection, worker.record.table) }
}

extension ResponsePipe {
  /// [loop] Reports that a file which the handler waits for could not be read.
  func failFile() {
    monitor.lock()
    if pendingFiles > 0 { fileFailed = true }
    monitor.broadcast()
    monitor.unlock()
  }
}
