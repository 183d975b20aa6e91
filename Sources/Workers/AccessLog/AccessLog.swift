import Glibc
import HTTP
import Platform
import Synchronization

/// The access log of a worker: whole lines are gathered, by whatever thread ends a request, and written when there are
/// many or when the first has waited for a while. A log that takes nothing loses lines, and stops nobody.
@safe
struct AccessLog {
  private let address: UnsafeMutablePointer<AccessLogRecord>

  private var record: AccessLogRecord {
    unsafeAddress { unsafe UnsafePointer(address) }
    nonmutating unsafeMutableAddress { unsafe address }
  }

  /// Lives as long as the process.
  init(_ plan: AccessLinePlan, _ sink: consuming LogSink) {
    unsafe address = .allocate(capacity: 1)
    unsafe address.initialize(to: AccessLogRecord(plan, sink))
  }

  var plan: AccessLinePlan { record.plan }

  /// When what has been gathered is to be written, in monotonic nanoseconds; `.max` if there is nothing. [any-thread]
  var dueAt: UInt64 { record.dueAt.load(ordering: .relaxed) }

  enum Appended {
    case gathered
    /// It is the first since the log was written: the loop has to know.
    case first
    /// There was no room.
    case lost
  }

  /// [loop, request-thread] Adds the line of a request.
  func append(_ request: borrowing AccessRecord, _ response: borrowing ResponseFields, now: UInt64) -> Appended {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    if record.hasNoRoom { record.write(now) }
    if record.hasNoRoom { return .lost }
    let isFirst = record.count == 0
    record.append(request, response)
    if record.count >= AccessLogRecord.writeSize {
      record.write(now)
      return .gathered
    }
    guard isFirst else { return .gathered }
    record.dueAt.store(now &+ AccessLogRecord.patience, ordering: .relaxed)
    return .first
  }

  /// Writes what has been gathered.
  func write(_ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
  }

  /// From now on lines go to where `descriptor` leads; those before it do not.
  func reopen(_ descriptor: borrowing FileDescriptor, _ now: UInt64) {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    record.write(now)
    record.sink.replace(with: descriptor)
  }

  /// Why the log took nothing when it was last written, unless that has been asked before.
  func takeFault() -> Errno? {
    record.monitor.lock()
    defer { record.monitor.unlock() }
    return record.fault.take()
  }
}

@safe
private struct AccessLogRecord: ~Copyable {
  let plan: AccessLinePlan
  var sink: LogSink
  let monitor = Monitor()
  private let memory: UnsafeMutablePointer<UInt8>
  private(set) var count = 0
  private var time = LogTime()
  let dueAt = Atomic<UInt64>(.max)
  /// Why nothing was taken, the first time since somebody asked.
  var fault: Errno?

  static let capacity = 64 << 10
  /// From here on it is not worth waiting for more.
  static let writeSize = 32 << 10
  /// How long a line waits for others.
  static let patience = 100 * Clock.nanosecondsPerMillisecond
  /// When a log that takes nothing is tried again.
  private static let retry = 500 * Clock.nanosecondsPerMillisecond

  init(_ plan: AccessLinePlan, _ sink: consuming LogSink) {
    self.plan = plan
    self.sink = sink
    unsafe memory = .allocate(capacity: AccessLogRecord.capacity)
  }

  var hasNoRoom: Bool { AccessLogRecord.capacity - count < AccessLinePlan.lineLength }

  mutating func append(_ request: borrowing AccessRecord, _ response: borrowing ResponseFields) {
    let now = UInt64(max(0, Clock.epochNanoseconds()))
    time.update(Int64(now / Clock.nanosecondsPerSecond))
    var line = AccessLine(unsafe ByteWriter(base: memory + count, capacity: AccessLinePlan.lineLength), plan)
    count += line.write(request, response, time, nanosecond: now % Clock.nanosecondsPerSecond)
  }

  mutating func write(_ now: UInt64) {
    guard count > 0 else { return }
    do {
      let written = try unsafe sink.write(UnsafeRawBufferPointer(start: memory, count: count))
      count -= written
      if count > 0 { unsafe memmove(memory, memory + written, count) }
    } catch {
      if fault == nil { fault = error }
    }
    dueAt.store(count == 0 ? .max : now &+ AccessLogRecord.retry, ordering: .relaxed)
  }
}
