import Platform

/// All clients of the supervisor itself, those who came first at the front.
struct Visitors {
  private(set) var all: [Visitor] = []
  private var count: UInt64 = 0
  /// A door whose connections can't be accepted for want of descriptors is looked at again then.
  var admitsAgainAt = UInt64.max

  subscript(_ number: UInt64) -> Visitor? { all.first { $0.number == number } }

  /// Takes a client in; the one that has to leave for it, if there are too many of its kind.
  mutating func admit(
    _ kind: Visitor.Kind, _ descriptor: consuming FileDescriptor, now: UInt64
  ) -> (visitor: Visitor, evicted: Visitor?) {
    let evicted = all.count { $0.kind == kind } < kind.most ? nil : all.first { $0.kind == kind }
    if let evicted { remove(evicted) }
    count &+= 1
    let visitor = Visitor(kind, number: count, descriptor: descriptor, now: now)
    all.append(visitor)
    return (visitor, evicted)
  }

  mutating func remove(_ visitor: Visitor) { all.removeAll { $0 === visitor } }

  var nextDeadline: UInt64 { all.reduce(admitsAgainAt) { min($0, $1.deadline) } }
}
