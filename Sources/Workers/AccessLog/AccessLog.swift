import Glibc
import HTTP
import Memory
import Platform
import PluginHost
import Synchronization

/// The access log of a worker. Any thread that ends a request adds a line; lines are written when there are many, or
/// when the first has waited for a while. An unwritable log loses lines and never blocks a request.
///
/// Several workers append to the same log. If the disk is full and only a part of a line could be written, the rest of
/// the line is dropped, and the next write begins with an end of line.
typealias AccessLog = Pinned<AccessLogRecord>

extension AccessLog {
  /// Lives until `destroy`. Discards what the region holds.
  ///
  /// - Parameters:
  ///   - cuts: truncations of this log, by any worker.
  ///   - slot: where lines that are lost are counted.
  ///   - region: where lines are gathered.
  init(
    _ plan: AccessLinePlan, _ sink: consuming LogSink, _ cuts: LogTruncations, _ slot: ScoreboardSlot,
    _ region: AccessLogRegion
  ) {
    self.init(AccessLogRecord(plan, sink, cuts, slot, region))
  }

  var plan: AccessLinePlan { record.plan }

  /// When what has been gathered is to be written, in monotonic nanoseconds; `.max` if there is nothing. [any-thread]
  var dueAt: UInt64 { record.dueAt.load(ordering: .relaxed) }

  /// [loop, request-thread] Adds the line of a request; if there is no room, it is lost.
  ///
  /// - Returns: whether it is the first since the log was written: the loop has to know.
  func append(
    _ request: borrowing AccessRecord, _ response: borrowing ResponseFields, _ notes: borrowing RequestNotes,
    now: UInt64
  ) -> Bool {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    if record.hasNoRoom { record.write(now) }
    if record.hasNoRoom {
      record.lose(1)
      return false
    }
    let isFirst = record.count == 0
    record.append(request, response, notes)
    if record.count >= AccessLogRecord.writeSize {
      record.write(now)
      return false
    }
    guard isFirst else { return false }
    record.dueAt.store(now &+ AccessLogRecord.patience, ordering: .relaxed)
    return true
  }

  /// Writes the lines that have been gathered.
  func write(_ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
  }

  /// Writes the gathered lines for the last time. Lines that can't be written are lost.
  func end(_ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
    record.loseAll()
  }

  /// Switches to `descriptor`. Earlier lines are written to the former log as far as it accepts them.
  func reopen(_ descriptor: borrowing FileDescriptor, _ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
    record.reopen(descriptor)
  }

  /// The fault of the last write, unless it has been reported already.
  func takeFault() -> Fault? {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    return record.fault.take()
  }
}

extension AccessLog {
  enum Fault: CustomStringConvertible {
    case takesNothing(Errno)
    case tookPart

    var description: String {
      switch self {
      case .takesNothing(let error): "cannot write the access log; lines may be dropped: \(error)"
      case .tookPart: "the access log took a part of a line; the rest of it is dropped"
      }
    }
  }
}

@safe
struct AccessLogRecord: ~Copyable {
  let plan: AccessLinePlan
  private var sink: LogSink
  private let cuts: LogTruncations
  /// How many of the truncations belong to an earlier file.
  private var formerCuts: UInt64 = 0
  private let slot: ScoreboardSlot
  let monitor = Monitor()
  private let region: AccessLogRegion
  /// The bytes of the lines.
  private(set) var count: Int {
    didSet { region.count = count }
  }
  /// A write failed. Another process may have left an incomplete line that `cuts` does not count, before a reload or
  /// beside this server.
  private var hasFailed = false
  private var time = LogTime()
  let dueAt = Atomic<UInt64>(.max)
  /// The first fault since the last report.
  var fault: AccessLog.Fault?

  /// Lines are written at once when there are so many bytes.
  static let writeSize = 32 << 10
  /// How long a line waits for others.
  static let patience = 100 * Clock.nanosecondsPerMillisecond
  /// The pause before an unwritable log is tried again.
  private static let retry = 500 * Clock.nanosecondsPerMillisecond
  private static let lineEnd: UInt8 = 0x0A

  init(
    _ plan: AccessLinePlan, _ sink: consuming LogSink, _ cuts: LogTruncations, _ slot: ScoreboardSlot,
    _ region: AccessLogRegion
  ) {
    self.plan = plan
    self.sink = sink
    self.cuts = cuts
    self.slot = slot
    self.region = region
    count = region.count
    unsafe region.memory.pointee = AccessLogRecord.lineEnd
    while count > 0, unsafe lines[count - 1] != AccessLogRecord.lineEnd { count -= 1 }
  }

  private var lines: UnsafeMutablePointer<UInt8> { unsafe region.memory + 1 }

  var hasNoRoom: Bool { AccessLogRegion.capacity - count < AccessLinePlan.lineLength }

  mutating func append(
    _ request: borrowing AccessRecord, _ response: borrowing ResponseFields, _ notes: borrowing RequestNotes
  ) {
    let now = UInt64(max(0, Clock.epochNanoseconds()))
    time.update(Int64(now / Clock.nanosecondsPerSecond))
    var line = AccessLine(unsafe ByteWriter(base: lines + count, capacity: AccessLinePlan.lineLength), plan)
    count += line.write(request, response, notes, time, nanosecond: now % Clock.nanosecondsPerSecond)
  }

  mutating func write(_ now: UInt64) {
    guard count > 0 else { return }
    // The log may end within a line, of this worker or another: an end of line comes first.
    let known = cuts.count
    let ends = hasFailed || known > formerCuts && cuts.areOpen(known) ? 1 : 0
    do {
      let written = try unsafe sink.write(UnsafeRawBufferPointer(start: lines - ends, count: count + ends))
      if ends > 0 { cuts.end(known) }
      hasFailed = false
      take(written - ends)
    } catch {
      // A log that is only full for now (EAGAIN) accepts a write whole or not at all.
      if error.code != EAGAIN { hasFailed = true }
      if fault == nil { fault = .takesNothing(error) }
    }
    dueAt.store(count == 0 ? .max : now &+ AccessLogRecord.retry, ordering: .relaxed)
  }

  /// The log has accepted `written` bytes. If they end within a line, the rest of that line is dropped: other workers
  /// may write before it could follow.
  private mutating func take(_ written: Int) {
    guard written > 0 else { return }
    var end = written
    if unsafe lines[end - 1] != AccessLogRecord.lineEnd {
      while unsafe end < count && lines[end - 1] != AccessLogRecord.lineEnd { end += 1 }
      cuts.add()
      if fault == nil { fault = .tookPart }
      lose(1)
    }
    count -= end
    if count > 0 { unsafe memmove(lines, lines + end, count) }
  }

  mutating func reopen(_ descriptor: borrowing FileDescriptor) {
    let known = cuts.count
    sink.replace(with: descriptor)
    // Otherwise it may be the same file as before, or one that already ends within a line.
    guard sink.isEmptyFile else { return }
    formerCuts = known
    hasFailed = false
  }

  func lose(_ lines: UInt64) { slot.addShared(.accessLinesLost, lines) }

  mutating func loseAll() {
    var lost: UInt64 = 0
    for index in 0..<count { unsafe lost += lines[index] == AccessLogRecord.lineEnd ? 1 : 0 }
    lose(lost)
    count = 0
  }
}
