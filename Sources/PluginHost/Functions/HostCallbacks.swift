import COutrider
import Glibc
import HTTP
import Platform

/// `outrider_host.post`, `.after`, `.cancel`, `.wake`.
enum HostCallbacks {
  static func post(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ run: CallbackQueue.Run?,
    _ context: UnsafeMutableRawPointer?
  ) -> outrider_status {
    unsafe add("post", host, handle, at: nil, run, context, nil)
  }

  static func after(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ nanoseconds: UInt64,
    _ run: CallbackQueue.Run?, _ context: UnsafeMutableRawPointer?, _ timer: UnsafeMutablePointer<UInt64>?
  ) -> outrider_status {
    let (moment, overflowed) = Clock.monotonic().addingReportingOverflow(nanoseconds)
    return unsafe add("after", host, handle, at: overflowed ? .max - 1 : moment, run, context, timer)
  }

  private static func add(
    _ call: StaticString, _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, at moment: UInt64?,
    _ run: CallbackQueue.Run?, _ context: UnsafeMutableRawPointer?, _ timer: UnsafeMutablePointer<UInt64>?
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    var exchange: Exchange?
    let outcome: CallStatus
    if handle.id != 0 { exchange = runtime.record.exchanges.find(handle) }
    if let run = unsafe run {
      outcome =
        handle.id != 0 && exchange == nil
        ? .closed : unsafe enqueue(runtime, handle, exchange, at: moment, run, context, timer)
    } else {
      outcome = .invalid
    }
    if outcome.isMisuse {
      unsafe runtime.record.misuse.note(
        call, outcome, plugin: HostTable.plugin(host), exchange: handle,
        rule: outcome == .invalid ? "run is NULL" : outcome == .limit ? "too many callbacks wait" : nil)
    }
    return outcome.rawValue
  }

  private static func enqueue(
    _ runtime: Runtime, _ handle: outrider_exchange, _ exchange: Exchange?, at moment: UInt64?,
    _ run: @escaping CallbackQueue.Run, _ context: UnsafeMutableRawPointer?, _ timer: UnsafeMutablePointer<UInt64>?
  ) -> CallStatus {
    // The loop may end the exchange while another thread adds a call: the queue checks again under its lock.
    let epoch = UInt32(handle.id >> 32)
    switch unsafe runtime.record.callbacks.add(
      at: moment, exchange: exchange, epoch: epoch, run: run, context: context, timer: timer)
    {
    case .added:
      if !runtime.isOnLoop { runtime.record.wake.wake() }
      return .ok
    case .full: return .limit
    case .exchangeEnded: return .closed
    }
  }

  /// Safe in a signal handler: takes no lock and allocates nothing.
  static func wake(_ host: UnsafePointer<outrider_host>?) {
    guard let runtime = Runtime.current, let plugin = unsafe HostTable.plugin(host),
      unsafe plugin.record.descriptor.on_wake != nil, plugin.record.wakeRequest.make()
    else { return }
    let reason = errno
    runtime.record.hasWakeRequests.store(true, ordering: .releasing)
    runtime.record.wake.wake()
    errno = reason
  }

  static func cancel(_ timer: UInt64) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard runtime.record.callbacks.cancel(timer) else { return CallStatus.closed.rawValue }
    if !runtime.isOnLoop { runtime.record.wake.wake() }
    return CallStatus.ok.rawValue
  }
}
