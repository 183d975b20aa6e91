import Synchronization

/// How the loop and the thread of the pool that has a request part without a word.
///
/// The principle: most clients send nothing while their answer is made, and when they send again, that wakes the loop
/// anyway. So the thread only notes that it is done, and the loop finds that with the client's next bytes, or when the
/// keep-alive timeout is due. Whoever comes second acts: the loop, told of something on a connection that is back; or the
/// thread, which wakes the loop if the loop was told of something before.
struct Loan: ~Copyable {
  private let state = Atomic<UInt8>(0)

  private static let returned: UInt8 = 1
  private static let noticed: UInt8 = 2

  /// [loop] A thread gets the request.
  ///
  /// - Parameter noticed: there is something to look at already, so that the thread has to wake the loop.
  func begin(noticed: Bool) { state.store(noticed ? Loan.noticed : 0, ordering: .releasing) }

  /// [loop] Something has happened on the connection, or is to happen: whether the thread is done, and the loop goes on.
  func notice() -> Bool {
    state.bitwiseOr(Loan.noticed, ordering: .acquiringAndReleasing).oldValue & Loan.returned != 0
  }

  /// [request-thread] The thread is done: whether it has to wake the loop. If not, the request is not its own any more.
  func giveBack() -> Bool {
    state.bitwiseOr(Loan.returned, ordering: .acquiringAndReleasing).oldValue & Loan.noticed != 0
  }

  /// The thread is done and wakes nobody, as nobody has noticed anything since the loan began: for tests.
  var isReturnedQuietly: Bool { state.load(ordering: .acquiring) == Loan.returned }

  /// [loop] The thread is done, and has not woken anybody.
  var isReturned: Bool { state.load(ordering: .acquiring) & Loan.returned != 0 }
}
