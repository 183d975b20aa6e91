import Platform
import PluginHost

/// Requests that other threads want the loop to handle. A request is in the mailbox at most once, and its record is not
/// freed while it is.
final class Mailbox: @unchecked Sendable {
  // The list is under `monitor`.
  private let monitor = Monitor()
  private var requests: [Request] = []
  /// The requests being handled; belongs to the loop.
  private var taken: [Request] = []

  /// [any-thread]
  func post(_ request: Request, _ runtime: Runtime) {
    if add(request) { runtime.record.wake.wake() }
  }

  /// [any-thread] The same as `post` without the wake-up. Returns whether the caller has to wake the loop; the request
  /// may have ended by then.
  func add(_ request: Request) -> Bool {
    let pipe = request.record.pipe
    monitor.lock()
    defer { monitor.unlock() }
    if pipe.isPosted { return false }
    pipe.isPosted = true
    requests.append(request)
    return true
  }

  /// [loop] Calls `body` with each posted request.
  func drain(_ body: (Request) -> Void) {
    monitor.lock()
    swap(&requests, &taken)
    for request in taken { request.record.pipe.isPosted = false }
    monitor.unlock()
    for request in taken { request.record.pipe.isTaken = true }
    for request in taken {
      request.record.pipe.isTaken = false
      body(request)
    }
    taken.removeAll(keepingCapacity: true)
  }

  /// [loop] Whether the request is in the mailbox.
  func holds(_ request: Request) -> Bool {
    monitor.lock()
    defer { monitor.unlock() }
    return request.record.pipe.isPosted || request.record.pipe.isTaken
  }
}
