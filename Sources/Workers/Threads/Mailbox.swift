import Platform
import PluginHost

/// Requests that other threads want the loop to look at. A request stands in it once, however often it is posted.
final class Mailbox: @unchecked Sendable {
  // The list is under `monitor`.
  private let monitor = Monitor()
  private var requests: [Request] = []
  private var taken: [Request] = []

  /// [any-thread]
  func post(_ request: Request, _ runtime: Runtime) {
    let lane = request.record.lane
    monitor.lock()
    let isNew = !lane.isPosted
    if isNew {
      lane.isPosted = true
      requests.append(request)
    }
    monitor.unlock()
    if isNew { runtime.record.wake.wake() }
  }

  /// [loop] Calls `body` with each request that was posted.
  func drain(_ body: (Request) -> Void) {
    monitor.lock()
    swap(&requests, &taken)
    for request in taken { request.record.lane.isPosted = false }
    monitor.unlock()
    for request in taken { body(request) }
    taken.removeAll(keepingCapacity: true)
  }
}
