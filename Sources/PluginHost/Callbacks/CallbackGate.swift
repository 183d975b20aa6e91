import Synchronization

/// Whether an exchange accepts posts and timers, and whether it has any. Most have none, and then their end takes no lock.
///
/// The gate is the exchange's epoch, and below it one of the states. A thread that adds a callback changes it from `open` to `used`
/// under the lock of the callback queue; the loop, which ends the exchange, changes it to `closed`. If the loop finds `open`, no
/// callback was added, and none will be, since the thread finds the gate closed. If it finds `used`, it takes the lock and the
/// callbacks.
private enum CallbackGate {
  static let closed: UInt64 = 0
  static let open: UInt64 = 1
  static let used: UInt64 = 2

  static func number(_ epoch: UInt32, _ state: UInt64) -> UInt64 { UInt64(epoch) << 2 | state }
}

extension Exchange {
  /// [loop] Opens the gate for the current epoch.
  func openCallbackGate() {
    let epoch = record.epoch.load(ordering: .relaxed)
    record.callbackGate.store(CallbackGate.number(epoch, CallbackGate.open), ordering: .releasing)
  }

  /// [any-thread] With the queue's lock held: whether a callback may be added to the exchange of that epoch.
  func acceptsCallback(_ epoch: UInt32) -> Bool {
    let used = CallbackGate.number(epoch, CallbackGate.used)
    let (exchanged, present) = record.callbackGate.compareExchange(
      expected: CallbackGate.number(epoch, CallbackGate.open), desired: used, ordering: .acquiringAndReleasing)
    return exchanged || present == used
  }

  /// [loop] The exchange ends: refuses callbacks from here on.
  ///
  /// - Returns: whether any was added.
  package func refuseCallbacks() -> Bool {
    let epoch = record.epoch.load(ordering: .relaxed)
    let closed = CallbackGate.number(epoch, CallbackGate.closed)
    return record.callbackGate.exchange(closed, ordering: .acquiringAndReleasing)
      != CallbackGate.number(epoch, CallbackGate.open)
  }
}
