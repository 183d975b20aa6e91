import COutrider
import HTTP
import Platform

/// `outrider.loop/1`: plugins' descriptors on the worker's loop, and the loop itself as a descriptor.
extension Extensions {
  static let loop = unsafe Extension(
    "outrider.loop/1",
    outrider_loop(
      size: 0, reserved: 0,
      own: { unsafe LoopFunctions.own($0, $1) },
      watch: { unsafe LoopFunctions.watch($0, $1, $2, $3, $4, $5, $6) },
      change: { unsafe LoopFunctions.change($0, $1, $2) },
      unwatch: { unsafe LoopFunctions.unwatch($0, $1) },
      descriptor: { unsafe LoopFunctions.descriptor($0) },
      dispatch: { unsafe LoopFunctions.dispatch($0, $1) }))
}

private enum LoopFunctions {
  // MARK: Watches

  static func watch(
    _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange, _ fd: Int32, _ events: UInt32,
    _ run: WatchTable.Run?, _ context: UnsafeMutableRawPointer?, _ id: UnsafeMutablePointer<UInt64>?
  ) -> outrider_status {
    unsafe call("watch", host, handle) { runtime, plugin, loop in
      let exchange = handle.id == 0 ? nil : runtime.record.exchanges.find(handle)
      if handle.id != 0 && exchange == nil { return (.closed, nil) }
      guard runtime.isOnLoop else { return (.wrongThread, notOnLoop) }
      guard let run = unsafe run else { return (.invalid, "run is NULL") }
      guard let interest = interest(events) else { return (.invalid, unknownEvents) }
      if let exchange, exchange.record.isBlocking {
        return (.unsupported, "an exchange in blocking style has no watches")
      }
      switch unsafe runtime.record.watches.add(
        fd, interest, exchange: exchange, plugin: plugin.record.number, run: run, context: context,
        attach: loop.attach)
      {
      case .added(let number):
        if let id = unsafe id { unsafe id.pointee = number }
        return (.ok, nil)
      case .ended: return (.closed, nil)
      case .taken: return (.wrongState, "the descriptor is watched already")
      case .unusable: return (.invalid, "the descriptor is closed, or can't be waited for")
      case .full:
        runtime.record.slot.addShared(.watchesRefused)
        return (.limit, "\(WatchTable.capacity) descriptors are watched")
      case .failed: return (.io, nil)
      }
    }
  }

  static func change(_ host: UnsafePointer<outrider_host>?, _ id: UInt64, _ events: UInt32) -> outrider_status {
    unsafe call("change", host) { runtime, plugin, _ in
      guard runtime.isOnLoop else { return (.wrongThread, notOnLoop) }
      guard let interest = interest(events) else { return (.invalid, unknownEvents) }
      return (runtime.record.watches.change(id, interest, plugin: plugin.record.number) ? .ok : .closed, nil)
    }
  }

  static func unwatch(_ host: UnsafePointer<outrider_host>?, _ id: UInt64) -> outrider_status {
    unsafe call("unwatch", host) { runtime, plugin, _ in
      guard runtime.isOnLoop else { return (.wrongThread, notOnLoop) }
      return (runtime.record.watches.remove(id, plugin: plugin.record.number) ? .ok : .closed, nil)
    }
  }

  private static let notOnLoop = "not on the thread of the loop"
  private static let unknownEvents = "events that are not known"

  private static func interest(_ events: UInt32) -> Epoll.Interest? {
    let interest = Epoll.Interest(rawValue: events)
    return WatchTable.known.contains(interest) ? interest : nil
  }

  // MARK: The thread of the loop

  /// The plugin of this process that runs the loop's thread. Written before there is another thread.
  nonisolated(unsafe) private static var owner: String?

  static func own(
    _ host: UnsafePointer<outrider_host>?, _ runLoop: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  ) -> outrider_status {
    // Only before the worker has a loop.
    guard Runtime.current?.record.loop == nil, let plugin = unsafe HostTable.plugin(host) else {
      return CallStatus.wrongState.rawValue
    }
    guard let runLoop = unsafe runLoop else { return CallStatus.invalid.rawValue }
    guard unsafe owner == nil else { return CallStatus.limit.rawValue }
    unsafe owner = plugin.record.nameText
    unsafe plugin.record.runLoop = unsafe runLoop
    return CallStatus.ok.rawValue
  }

  static func descriptor(_ host: UnsafePointer<outrider_host>?) -> Int32 {
    var descriptor: CInt = -1
    let status = unsafe call("descriptor", host) { runtime, plugin, loop in
      guard runtime.isOnLoop else { return (.wrongThread, notOnLoop) }
      guard let own = loop.descriptor(plugin.record.number) else { return (.wrongState, notWithinRunLoop) }
      descriptor = own
      return (.ok, nil)
    }
    return status < 0 ? status : descriptor
  }

  static func dispatch(_ host: UnsafePointer<outrider_host>?, _ nanoseconds: UInt64) -> outrider_status {
    unsafe call("dispatch", host) { runtime, plugin, loop in
      guard runtime.isOnLoop else { return (.wrongThread, notOnLoop) }
      return (loop.dispatch(plugin.record.number, nanoseconds), notWithinRunLoop)
    }
  }

  private static let notWithinRunLoop = "not within run_loop, or from inside a hook or a run function"

  // MARK: Common parts

  /// - Parameter body: returns the status, and the broken rule in case of misuse.
  private static func call(
    _ name: StaticString, _ host: UnsafePointer<outrider_host>?, _ handle: outrider_exchange = outrider_exchange(id: 0),
    _ body: (Runtime, Plugin, LoopControl) -> (CallStatus, rule: String?)
  ) -> outrider_status {
    guard let runtime = Runtime.current, let loop = runtime.record.loop, let plugin = unsafe HostTable.plugin(host)
    else { return CallStatus.wrongState.rawValue }
    let (outcome, rule) = body(runtime, plugin, loop)
    if outcome.isMisuse {
      runtime.record.misuse.note(name, outcome, plugin: plugin, exchange: handle, rule: rule)
    }
    return outcome.rawValue
  }
}
