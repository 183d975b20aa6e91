/// The streams of one HTTP/2 connection that need a thread of the pool: those that wait, and the number that have one.
///
/// All of it is under the pool's monitor.
struct StreamTurns {
  var waiting = RequestQueue()
  /// The number of threads that its streams hold.
  var held = 0
  /// One of its streams is in the pool's queue.
  var isInLine = false
}
