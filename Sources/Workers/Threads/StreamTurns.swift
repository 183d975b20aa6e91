/// The streams of one HTTP/2 connection that want a thread of the pool: those that wait, in order, and how many have one.
///
/// All of it is under the pool's monitor.
struct StreamTurns {
  private var first: Request?
  private var last: Request?
  /// How many threads its streams hold.
  var held = 0
  /// One of its streams stands in the pool's line.
  var isInLine = false

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
