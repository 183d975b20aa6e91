import Synchronization

/// Whether an exchange admits posts and timers, and whether it ever has: nearly none does, and its end then costs no lock.
///
/// The gate is a number: the exchange's generation, and below it one of the states. A thread that adds a call moves it
/// from `open` to `used` with the callback queue's lock held; the loop, which ends the exchange, moves it to `shut`. Either
/// happens first: if the loop finds `open`, nothing has been added, and nothing will be, for the thread finds another
/// number; if it finds `used`, it takes the lock to look for what was added.
private enum CallbackGate {
  static let shut: UInt64 = 0
  static let open: UInt64 = 1
  static let used: UInt64 = 2

  static func number(_ generation: UInt32, _ state: UInt64) -> UInt64 { UInt64(generation) << 2 | state }
}

extension Exchange {
  /// [loop] For the present generation.
  func openToCallbacks() {
    let generation = record.generation.load(ordering: .relaxed)
    record.callbackGate.store(CallbackGate.number(generation, CallbackGate.open), ordering: .releasing)
  }

  /// [any-thread] With the queue's lock held: whether a call may be added to the exchange of that generation.
  func admitsCallback(_ generation: UInt32) -> Bool {
    let used = CallbackGate.number(generation, CallbackGate.used)
    let (exchanged, present) = record.callbackGate.compareExchange(
      expected: CallbackGate.number(generation, CallbackGate.open), desired: used, ordering: .acquiringAndReleasing)
    return exchanged || present == used
  }

  /// [loop] The exchange ends: no call is admitted from here on.
  ///
  /// - Returns: whether any has been.
  package func refuseCallbacks() -> Bool {
    let generation = record.generation.load(ordering: .relaxed)
    let shut = CallbackGate.number(generation, CallbackGate.shut)
    return record.callbackGate.exchange(shut, ordering: .acquiringAndReleasing)
      != CallbackGate.number(generation, CallbackGate.open)
  }
}
