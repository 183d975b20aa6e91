/// Requests that wait for a thread of the pool, in order. A request stands in one line at most, which is under the pool's
/// monitor.
struct RequestLine {
  private var first: Request?
  private var last: Request?

  mutating func append(_ request: Request) {
    if let last { last.record.stream.nextWaiting = request } else { first = request }
    last = request
  }

  mutating func pop() -> Request? {
    guard let request = first else { return nil }
    first = request.record.stream.nextWaiting
    if first == nil { last = nil }
    request.record.stream.nextWaiting = nil
    return request
  }
}
