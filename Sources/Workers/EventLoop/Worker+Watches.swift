import Platform
import PluginHost

// The descriptors that plugins watch, represented by a single descriptor in the loop's epoll.

extension Worker {
  /// Handles events of descriptors that plugins watch.
  @inline(never)
  func callWatches() {
    let watches = record.runtime.record.watches
    for index in 0..<watches.collect() {
      guard let call = watches.call(at: index) else { continue }
      let request = call.exchange.map { unsafe Request(raw: $0.record.transportContext) }
      record.thread.record.cells?.flight = request?.record.flight
      call.perform()
    }
    watches.dropStale { waitForWatches($0) }
  }

  /// - Returns: false if the system has no resources left.
  private func waitForWatches(_ descriptor: CInt) -> Bool {
    do throws(Errno) {
      try record.epoll.add(descriptor, .readable, token: LoopToken.watches)
      return true
    } catch {
      record.log.error("\(error)")
      return false
    }
  }

  /// The loop's implementation of `outrider.loop/1`.
  var loopControl: LoopControl {
    LoopControl(
      attach: { Worker.current.waitForWatches($0) },
      descriptor: { Worker.current.loopDescriptor(for: $0) },
      dispatch: { Worker.current.dispatch(for: $0, nanoseconds: $1) })
  }
}
