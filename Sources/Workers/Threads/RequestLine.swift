/// Requests that wait for a thread of the pool, in order. A request stands in one line at most, which is under the pool's
/// monitor.
struct RequestLine {
  private var first: Request?
  private var last: Request?

  var isEmpty: Bool { first == nil }

  mutating func append(_ request: Request) {
    if let last { last.record.stream.nextWaiting = request } else { first = request }
    last = request
  }

  mutating func pop() -> Request? { pop { _ in true } }

  /// The first of which `isWanted` says so.
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
