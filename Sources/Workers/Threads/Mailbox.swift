import Platform
import PluginHost

/// Requests that other threads want the loop to look at. A request stands in it once, however often it is posted; as long
/// as it does, its record is not freed.
final class Mailbox: @unchecked Sendable {
  // The list is under `monitor`.
  private let monitor = Monitor()
  private var requests: [Request] = []
  /// The loop's own.
  private var taken: [Request] = []

  /// [any-thread]
  func post(_ request: Request, _ runtime: Runtime) {
    if add(request) { runtime.record.wake.wake() }
  }

  /// [any-thread] As `post`; the caller wakes the loop if this says so, and need not have the request any more by then.
  func add(_ request: Request) -> Bool {
    let lane = request.record.lane
    monitor.lock()
    defer { monitor.unlock() }
    if lane.isPosted { return false }
    lane.isPosted = true
    requests.append(request)
    return true
  }

  /// [loop] Calls `body` with each request that was posted.
  func drain(_ body: (Request) -> Void) {
    monitor.lock()
    swap(&requests, &taken)
    for request in taken { request.record.lane.isPosted = false }
    monitor.unlock()
    for request in taken { request.record.lane.isTaken = true }
    for request in taken {
      request.record.lane.isTaken = false
      body(request)
    }
    taken.removeAll(keepingCapacity: true)
  }

  /// [loop] The request stands in it.
  func holds(_ request: Request) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    return request.record.lane.isPosted || request.record.lane.isTaken
  }
}
