import Synchronization

/// Hands a connection back to the loop without a wake-up in the common case.
///
/// The principle: most clients send nothing while their response is made, and their next bytes wake the loop anyway. So
/// the thread only notes that it is done. The loop finds that when the client sends, or when the keep-alive timeout is
/// due. The second of the two acts: the loop, if an event comes after the return; the thread, by waking the loop, if an
/// event came before.
struct Handoff: ~Copyable {
  private let state = Atomic<UInt8>(0)

  private static let returned: UInt8 = 1
  private static let notifies: UInt8 = 2

  /// [loop] A thread gets the request.
  ///
  /// - Parameter notifies: whether there is already something to handle, so that the thread has to wake the loop.
  func begin(notifies: Bool) { state.store(notifies ? Handoff.notifies : 0, ordering: .releasing) }

  /// [loop] Something has happened on the connection, or is about to: a later return wakes the loop.
  ///
  /// - Returns: whether the thread is already done, so that the loop continues itself.
  func notifyOnReturn() -> Bool {
    state.bitwiseOr(Handoff.notifies, ordering: .acquiringAndReleasing).oldValue & Handoff.returned != 0
  }

  /// [request-thread] The thread is done. Returns whether it has to wake the loop; if not, it no longer owns the
  /// request.
  func handBack() -> Bool {
    state.bitwiseOr(Handoff.returned, ordering: .acquiringAndReleasing).oldValue & Handoff.notifies != 0
  }

  /// The thread is done and wakes nobody, since nothing has happened since the handoff began. For tests.
  var isReturnedSilently: Bool { state.load(ordering: .acquiring) == Handoff.returned }

  /// [loop] The thread is done.
  var isReturned: Bool { state.load(ordering: .acquiring) & Handoff.returned != 0 }
}
