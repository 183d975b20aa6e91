import Platform

// A worker without room leaves newcomers to its fellows, for a moment.

extension Worker {
  /// Whether newcomers are better off with a fellow that has room, if there is one.
  func isCrowded() -> Bool {
    guard record.sharesListeners && record.settings.keepsConnections else { return false }
    let isFull = record.table.isFull
    guard isFull || hasNoThread else {
      if record.crowding.isCrowded || record.now >= record.crowding.sampleAt { leaveCrowd() }
      return false
    }
    if !record.crowding.isCrowded && (isFull || areThreadsStuck) { record.crowding.isCrowded = true }
    return record.crowding.isCrowded
  }

  private func leaveCrowd() {
    record.crowding.isCrowded = false
    record.crowding.sampleAt = .max
    record.crowding.lookAt = .max
    record.crowding.looks = 0
  }

  /// All threads are at work, or about to be.
  private var hasNoThread: Bool {
    guard let pool = record.pool else { return false }
    return pool.idle.load(ordering: .relaxed) <= waiting(pool)
  }

  /// They have been at work on the same requests for a moment.
  private var areThreadsStuck: Bool {
    let isDue = record.now >= record.crowding.sampleAt
    guard isDue || record.crowding.sampleAt == .max else { return false }
    let dequeued = record.slot.count(.dequeued)
    if isDue && dequeued == record.crowding.dequeued {
      record.crowding.sampleAt = .max
      return true
    }
    record.crowding.dequeued = dequeued
    record.crowding.sampleAt = record.now &+ Crowding.moment
    return false
  }

  // MARK: Newcomers

  /// There is a newcomer, of whom others have been told as well.
  @inline(never)
  func noticeNewcomer() {
    if record.crowding.lookAt != .max { return }
    if record.now >= record.crowding.trustsAgainAt && record.slot.room.isElsewhere {
      record.crowding.looks = 0
      record.crowding.lookAt = record.now &+ Crowding.patience
    } else {
      takeNewcomers()
    }
  }

  /// Looks after newcomers that were left to others.
  func lookAfterNewcomers() {
    guard record.now >= record.crowding.lookAt else { return }
    record.crowding.lookAt = .max
    guard record.attention == .watching,
      record.listeners.contains(where: { ListeningSocket.hasNewcomers($0.fd) })
    else { return }
    record.crowding.looks += 1
    if record.slot.room.isElsewhere && record.now >= record.crowding.trustsAgainAt {
      if record.crowding.looks < Crowding.mostLooks {
        record.crowding.lookAt = record.now &+ Crowding.patience
        return
      }
      record.crowding.trustsAgainAt = record.now &+ Crowding.distrust
    }
    takeNewcomers()
  }

  /// Takes those who wait, for want of somebody better: of an edge there is no second word.
  private func takeNewcomers() {
    for index in record.listeners.indices {
      var rest = Worker.newcomersPerTurn
      while rest > 0, record.listeners[index].isRegistered, accept(on: index) { rest -= 1 }
      if rest == 0 { record.crowding.lookAt = record.now }
    }
  }

  private static let newcomersPerTurn = 64
}
