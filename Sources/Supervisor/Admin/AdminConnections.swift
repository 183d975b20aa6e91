import Platform

/// All connections to the supervisor itself, the oldest first.
struct AdminConnections {
  private(set) var all: [AdminConnection] = []
  private var count: UInt64 = 0
  /// When accepting resumes after descriptors had run out.
  var acceptsAgainAt = UInt64.max

  subscript(_ number: UInt64) -> AdminConnection? { all.first { $0.number == number } }

  /// Adds a connection.
  ///
  /// - Returns: the connection, and the oldest one of its kind if that was closed to make room.
  mutating func add(
    _ kind: AdminConnection.Kind, _ descriptor: consuming FileDescriptor, now: UInt64
  ) -> (connection: AdminConnection, evicted: AdminConnection?) {
    let evicted = all.count { $0.kind == kind } < kind.limit ? nil : all.first { $0.kind == kind }
    if let evicted { remove(evicted) }
    count &+= 1
    let connection = AdminConnection(kind, number: count, descriptor: descriptor, now: now)
    all.append(connection)
    return (connection, evicted)
  }

  mutating func remove(_ connection: AdminConnection) { all.removeAll { $0 === connection } }

  var nextDeadline: UInt64 { all.reduce(acceptsAgainAt) { min($0, $1.deadline) } }
}
