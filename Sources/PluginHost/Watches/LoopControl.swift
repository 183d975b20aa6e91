import HTTP

/// The functions of the worker's loop that `outrider.loop/1` needs; the loop is in another module.
package struct LoopControl: Sendable {
  /// Makes the loop wait for the descriptor of the watches; false if it can't.
  let attach: @Sendable (CInt) -> Bool
  /// A descriptor that is readable while the loop has work; nil while no plugin runs the loop's thread.
  let descriptor: @Sendable (_ plugin: Int) -> CInt?
  /// Runs the loop for at most that many nanoseconds; see `outrider_loop.dispatch`.
  let dispatch: @Sendable (_ plugin: Int, _ nanoseconds: UInt64) -> CallStatus

  package init(
    attach: @escaping @Sendable (CInt) -> Bool, descriptor: @escaping @Sendable (_ plugin: Int) -> CInt?,
    dispatch: @escaping @Sendable (_ plugin: Int, _ nanoseconds: UInt64) -> CallStatus
  ) {
    self.attach = attach
    self.descriptor = descriptor
    self.dispatch = dispatch
  }
}
