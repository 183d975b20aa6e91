/// The streams of one HTTP/2 connection that want a thread of the pool: those that wait, and how many have one.
///
/// All of it is under the pool's monitor.
struct StreamTurns {
  var waiting = RequestLine()
  /// How many threads its streams hold.
  var held = 0
  /// One of its streams stands in the pool's line.
  var isInLine = false
}
