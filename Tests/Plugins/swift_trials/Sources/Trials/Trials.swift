// What handlers in both styles do. All of it is also done in init, in the master, so that the runtime knows its thread.

import Foundation
import Outrider
import Synchronization

/// A lazy global whose first use is in a worker, and takes its time.
private enum Late {
  static let value: pid_t = {
    usleep(50_000)
    return getpid()
  }()
}

private enum Early { static let value = getpid() }

private let counted = Mutex(0)

public actor Tally {
  private var count = 0
  public init() {}
  public func add() -> Int {
    count += 1
    return count
  }
}

/// Used in the master.
public func prepare() {
  _ = Early.value
  counted.withLock { $0 = 0 }
  _ = foundation()
}

/// "ours": the lazy global is of this process.
public func lazyGlobal() -> String { Late.value == getpid() ? "ours" : "another's" }

/// How often it was called in this process.
public func mutex() -> String {
  let count = counted.withLock { count in
    count += 1
    return count
  }
  return "\(count)"
}

public func foundation() -> String {
  let date = Date(timeIntervalSince1970: 0).formatted(.iso8601)
  let json = try? JSONEncoder().encode(["sum": [1, 2, 3].reduce(0, +)])
  return "\(date) \(String(decoding: json ?? Data(), as: UTF8.self))"
}

/// The sum of 0 to 49, by a task for each.
public func group() async -> Int {
  await withTaskGroup(of: Int.self) { group in
    for number in 0..<50 { group.addTask { number } }
    return await group.reduce(0, +)
  }
}

public struct TrialError: Error, CustomStringConvertible {
  public init() {}
  public var description: String { "on purpose" }
}
