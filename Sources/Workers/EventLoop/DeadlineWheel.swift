import Platform

/// A timer wheel for the deadlines of connections; rescheduling usually costs one store.
///
/// The principle: most deadlines move on before they are due. A later deadline only changes the connection's
/// `deadline`; the connection stays in its bucket. When the bucket is due, the connection has expired or moves to the
/// bucket of its current deadline. An earlier deadline moves it at once.
struct DeadlineWheel {
  /// The resolution of deadlines.
  static let tick: UInt64 = 64 * Clock.nanosecondsPerMillisecond
  private static let bucketCount = 1024

  private var buckets = [Int32](repeating: -1, count: bucketCount)
  private var scheduled = 0
  /// When the wheel has to be checked next; `.max` if nothing is scheduled. Never late; early if a connection has
  /// closed.
  private(set) var nextMoment = UInt64.max
  /// The last tick that has been processed.
  private var position: UInt64

  init(now: UInt64) { position = now / DeadlineWheel.tick }

  /// Whether `connection` has no deadline, or is in a bucket that is due no later than its deadline: the common case.
  @inline(__always)
  static func isInTime(_ connection: Connection) -> Bool {
    let deadline = connection.record.deadline
    let tick = connection.record.wheelTick
    return deadline == .max || tick != 0 && deadline >= (tick &- 1) &* DeadlineWheel.tick
  }

  /// Makes sure that `connection` is found when its deadline has passed.
  mutating func schedule(_ connection: Connection, _ table: borrowing ConnectionTable) {
    guard !DeadlineWheel.isInTime(connection) else { return }
    let deadline = connection.record.deadline
    let wanted = min(
      max(deadline / DeadlineWheel.tick + 1, position + 1), position + UInt64(DeadlineWheel.bucketCount) - 1)
    if connection.record.wheelTick != 0 {
      guard wanted < connection.record.wheelTick else { return }
      unlink(connection, table)
    }
    link(connection, at: wanted, table)
  }

  mutating func remove(_ connection: Connection, _ table: borrowing ConnectionTable) {
    if connection.record.wheelTick != 0 { unlink(connection, table) }
  }

  /// A connection whose deadline has passed at `now`; nil if there are no more.
  mutating func takeExpired(at now: UInt64, _ table: borrowing ConnectionTable) -> Connection? {
    guard now >= nextMoment else { return nil }
    let present = now / DeadlineWheel.tick
    while true {
      let bucket = Int(position % UInt64(DeadlineWheel.bucketCount))
      let index = buckets[bucket]
      if index >= 0 {
        let connection = table[Int(index)]
        if connection.record.wheelTick <= position {
          unlink(connection, table)
          if connection.record.deadline <= now { return connection }
          schedule(connection, table)
          continue
        }
      }
      guard position < present else {
        nextMoment = firstMoment
        return nil
      }
      position = scheduled == 0 ? present : position + 1
    }
  }

  private var firstMoment: UInt64 {
    guard scheduled > 0 else { return .max }
    for tick in position..<(position + UInt64(DeadlineWheel.bucketCount))
    where buckets[Int(tick % UInt64(DeadlineWheel.bucketCount))] >= 0 {
      return tick * DeadlineWheel.tick
    }
    return (position + 1) * DeadlineWheel.tick
  }

  private mutating func link(_ connection: Connection, at tick: UInt64, _ table: borrowing ConnectionTable) {
    let bucket = Int(tick % UInt64(DeadlineWheel.bucketCount))
    let head = buckets[bucket]
    connection.record.wheelTick = tick
    connection.record.wheelNext = head
    connection.record.wheelPrevious = -1
    if head >= 0 { table[Int(head)].record.wheelPrevious = connection.record.slot }
    buckets[bucket] = connection.record.slot
    scheduled += 1
    nextMoment = min(nextMoment, tick * DeadlineWheel.tick)
  }

  private mutating func unlink(_ connection: Connection, _ table: borrowing ConnectionTable) {
    let (next, previous) = (connection.record.wheelNext, connection.record.wheelPrevious)
    if previous >= 0 {
      table[Int(previous)].record.wheelNext = next
    } else {
      buckets[Int(connection.record.wheelTick % UInt64(DeadlineWheel.bucketCount))] = next
    }
    if next >= 0 { table[Int(next)].record.wheelPrevious = previous }
    connection.record.wheelTick = 0
    scheduled -= 1
  }
}
