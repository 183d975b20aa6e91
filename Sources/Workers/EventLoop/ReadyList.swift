/// The connections to process in this turn of the loop, linked through their records.
struct ReadyList {
  private var first: Int32 = -1
  private var last: Int32 = -1
  /// The connection that is being processed, or -1, and whether it has been appended meanwhile.
  private var current: Int32 = -1
  private(set) var isCurrentAgain = false

  var isEmpty: Bool { first < 0 }

  /// Puts a connection on the list. Safe to call re-entrantly from a plugin.
  mutating func append(_ connection: Connection, _ table: borrowing ConnectionTable) {
    if connection.record.slot == current {
      isCurrentAgain = true
      return
    }
    guard !connection.record.isQueued else { return }
    connection.record.isQueued = true
    connection.record.nextQueued = -1
    if last >= 0 {
      table[Int(last)].record.nextQueued = connection.record.slot
    } else {
      first = connection.record.slot
    }
    last = connection.record.slot
  }

  /// Begins to process a connection. If it is appended meanwhile, `isCurrentAgain` says so.
  @inline(__always)
  mutating func begin(_ connection: Connection) {
    current = connection.record.slot
    isCurrentAgain = false
  }

  @inline(__always)
  mutating func end() { current = -1 }

  /// Takes all connections off the list. Connections that are appended later are processed after new events.
  mutating func takeAll() -> Batch {
    defer {
      first = -1
      last = -1
    }
    return Batch(next: first)
  }

  struct Batch {
    fileprivate var next: Int32

    /// The next connection that has not closed meanwhile.
    mutating func pop(_ table: borrowing ConnectionTable) -> Connection? {
      while next >= 0 {
        let connection = table[Int(next)]
        next = connection.record.nextQueued
        connection.record.isQueued = false
        if connection.record.phase != .free { return connection }
      }
      return nil
    }
  }
}
