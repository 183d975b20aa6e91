import Glibc
import HTTP
import Platform
import Synchronization

/// The access log of a worker: whole lines are gathered, by whatever thread ends a request, and written when there are
/// many or when the first has waited for a while. A log that takes nothing loses lines, and stops nobody.
///
/// Several workers append to the same log. Where the disk is full and only a part of a line could
/// be written, the rest of it is dropped, and the next write begins a line of its own.
@safe
struct AccessLog {
  private let address: UnsafeMutablePointer<AccessLogRecord>

  private var record: AccessLogRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// Lives until `destroy`. What is in the region is its beginning.
  ///
  /// - Parameters:
  ///   - cuts: of this log, by whichever worker.
  ///   - slot: where lines that are lost are counted.
  ///   - region: where lines are gathered.
  init(
    _ plan: AccessLinePlan, _ sink: consuming LogSink, _ cuts: LogCuts, _ slot: ScoreboardSlot,
    _ region: AccessLogRegion
  ) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: AccessLogRecord(plan, sink, cuts, slot, region))
  }

  func destroy() {
    unsafe address.deinitialize(count: 1)
    unsafe address.deallocate()
  }

  var plan: AccessLinePlan { record.plan }

  /// When what has been gathered is to be written, in monotonic nanoseconds; `.max` if there is nothing. [any-thread]
  var dueAt: UInt64 { record.dueAt.load(ordering: .relaxed) }

  /// [loop, request-thread] Adds the line of a request; if there is no room, it is lost.
  ///
  /// - Returns: whether it is the first since the log was written: the loop has to know.
  func append(_ request: borrowing AccessRecord, _ response: borrowing ResponseFields, now: UInt64) -> Bool {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    if record.hasNoRoom { record.write(now) }
    if record.hasNoRoom {
      record.lose(1)
      return false
    }
    let isFirst = record.count == 0
    record.append(request, response)
    if record.count >= AccessLogRecord.writeSize {
      record.write(now)
      return false
    }
    guard isFirst else { return false }
    record.dueAt.store(now &+ AccessLogRecord.patience, ordering: .relaxed)
    return true
  }

  /// Writes what has been gathered.
  func write(_ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
  }

  /// Writes what has been gathered, for the last time: what is not taken is lost.
  func end(_ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
    record.loseAll()
  }

  /// From now on lines go to where `descriptor` leads; those before it do not, as far as they are taken.
  func reopen(_ descriptor: borrowing FileDescriptor, _ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
    record.reopen(descriptor)
  }

  /// What was wrong when the log was last written, unless that has been asked before.
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
      case .takesNothing(let error): "takes no lines, some may be lost: \(error)"
      case .tookPart: "has taken a part of a line, the rest of which is lost"
      }
    }
  }
}

@safe
private struct AccessLogRecord: ~Copyable {
  let plan: AccessLinePlan
  private var sink: LogSink
  private let cuts: LogCuts
  /// So many of them are in another file.
  private var formerCuts: UInt64 = 0
  private let slot: ScoreboardSlot
  let monitor = Monitor()
  private let region: AccessLogRegion
  /// The bytes of the lines.
  private(set) var count: Int {
    didSet { region.count = count }
  }
  /// Nothing was taken: another may have cut a line that `cuts` does not know of, before a reload or beside this server.
  private var hasFailed = false
  private var time = LogTime()
  let dueAt = Atomic<UInt64>(.max)
  /// What was wrong, the first time since somebody asked.
  var fault: AccessLog.Fault?

  /// From here on it is not worth waiting for more.
  static let writeSize = 32 << 10
  /// How long a line waits for others.
  static let patience = 100 * Clock.nanosecondsPerMillisecond
  /// When a log that takes nothing is tried again.
  private static let retry = 500 * Clock.nanosecondsPerMillisecond
  private static let lineEnd: UInt8 = 0x0A

  init(
    _ plan: AccessLinePlan, _ sink: consuming LogSink, _ cuts: LogCuts, _ slot: ScoreboardSlot,
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

  mutating func append(_ request: borrowing AccessRecord, _ response: borrowing ResponseFields) {
    let now = UInt64(max(0, Clock.epochNanoseconds()))
    time.update(Int64(now / Clock.nanosecondsPerSecond))
    var line = AccessLine(unsafe ByteWriter(base: lines + count, capacity: AccessLinePlan.lineLength), plan)
    count += line.write(request, response, time, nanosecond: now % Clock.nanosecondsPerSecond)
  }

  mutating func write(_ now: UInt64) {
    guard count > 0 else { return }
    // The log may end within a line, of this worker or another: it is ended first.
    let known = cuts.count
    let ends = hasFailed || known > formerCuts && cuts.areOpen(known) ? 1 : 0
    do {
      let written = try unsafe sink.write(UnsafeRawBufferPointer(start: lines - ends, count: count + ends))
      if ends > 0 { cuts.end(known) }
      hasFailed = false
      take(written - ends)
    } catch {
      // Whoever waits for room takes all of a piece or nothing.
      if error.code != EAGAIN { hasFailed = true }
      if fault == nil { fault = .takesNothing(error) }
    }
    dueAt.store(count == 0 ? .max : now &+ AccessLogRecord.retry, ordering: .relaxed)
  }

  /// The log has `written` bytes of the lines. If it ends within one, the rest of that is lost: until it could follow,
  /// others may have written.
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
    // Else it may be the same file as before, or one in which another has cut a line already.
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
