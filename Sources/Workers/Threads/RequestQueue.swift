/// A queue of requests that wait for a thread of the pool. A request is in one queue at most. Guarded by the pool's
/// monitor.
struct RequestQueue {
  private var first: Request?
  private var last: Request?

  var isEmpty: Bool { first == nil }

  mutating func append(_ request: Request) {
    if let last { last.record.stream.nextWaiting = request } else { first = request }
    last = request
  }

  mutating func pop() -> Request? { pop { _ in true } }

  /// Removes the first request for which `isWanted` returns true.
  mutating func pop(where isWanted: (Request) -> Bool) -> Request? {
    var before: Request?
    var next = first
    while let request = next {
      next = request.record.stream.nextWaiting
      if isWanted(request) {
        if let before { before.record.stream.nextWaiting = next } else { first = next }
        if next == nil { last = before }
        request.record.stream.nextWaiting = nil
        return request
      }
      before = request
    }
    return nil
  }
}
