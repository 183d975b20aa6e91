import Synchronization

/// Whether a plugin's on_wake() has to be called. Several requests before the call count as one.
@usableFromInline
package final class WakeRequest: Sendable {
  private let isPending = Atomic<Bool>(false)

  /// [any-thread] Makes a request. Earlier writes of the caller are visible to on_wake().
  ///
  /// - Returns: false if a request is already pending.
  func make() -> Bool { !isPending.exchange(true, ordering: .acquiringAndReleasing) }

  /// [loop] Takes the pending request, if any. Later requests are new ones.
  func take() -> Bool { isPending.exchange(false, ordering: .acquiringAndReleasing) }
}

extension Runtime {
  /// [loop] Calls on_wake() of the plugins that have requested it.
  package func performWakes(_ plugins: [Plugin]) {
    guard record.hasWakeRequests.exchange(false, ordering: .acquiringAndReleasing) else { return }
    for plugin in plugins where plugin.record.wakeRequest.take() { plugin.wake() }
  }
}
