import COutrider
import HTTP
import Platform
import Synchronization

/// `outrider.health/1`: supervision of plugins' threads, and readiness of plugins.
extension Extensions {
  static let health = unsafe Extension(
    "outrider.health/1",
    outrider_health(
      size: 0, reserved: 0,
      watch: { unsafe PluginHealth.watch($0, $1, $2) },
      alive: { unsafe PluginHealth.beat("health.alive", $0, $1, Clock.monotonic()) },
      idle: { unsafe PluginHealth.beat("health.idle", $0, $1, 0) },
      unwatch: { unsafe PluginHealth.unwatch($0, $1) },
      ready: { unsafe PluginHealth.ready($0, $1, $2) }))
}

enum PluginHealth {
  /// How often each slot has been taken and released: odd while it is taken. A thread's number contains this count
  /// above the slot's index, so that the number of a thread that is no longer watched does not match another thread.
  private static let epochs = InlineArray<16, Atomic<UInt32>>(first: Atomic(0)) { _ in Atomic(0) }
  private static let placeBits: UInt32 = 8

  static func watch(
    _ host: UnsafePointer<outrider_host>?, _ name: UnsafePointer<CChar>?, _ thread: UnsafeMutablePointer<UInt32>?
  ) -> outrider_status {
    guard let runtime = Runtime.current, let plugin = unsafe HostTable.plugin(host) else {
      return CallStatus.wrongState.rawValue
    }
    guard let name = unsafe name, let thread = unsafe thread, unsafe isName(Bytes(cString: name)) else {
      return unsafe misuse("health.watch", .invalid, host, "the name of a thread, or where its number is to be stored")
    }
    let bytes = unsafe Bytes(cString: name)
    guard
      let place = runtime.record.slot.health.add(
        plugin: plugin.record.number, name: (0..<bytes.count).map { bytes[$0] }, now: Clock.monotonic())
    else { return unsafe misuse("health.watch", .limit, host, "too many threads are watched") }
    let epoch = epochs[place].wrappingAdd(1, ordering: .acquiringAndReleasing).newValue
    unsafe thread.pointee = epoch << placeBits | UInt32(place + 1)
    return CallStatus.ok.rawValue
  }

  static func beat(
    _ call: StaticString, _ host: UnsafePointer<outrider_host>?, _ thread: UInt32, _ now: UInt64
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let place = place(of: thread), epochs[place].load(ordering: .relaxed) == thread >> placeBits else {
      return CallStatus.closed.rawValue
    }
    runtime.record.slot.health.beat(place, now)
    return CallStatus.ok.rawValue
  }

  static func unwatch(_ host: UnsafePointer<outrider_host>?, _ thread: UInt32) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    let epoch = thread >> placeBits
    guard let place = place(of: thread),
      epochs[place].compareExchange(expected: epoch, desired: epoch &+ 1, ordering: .acquiringAndReleasing).exchanged
    else { return CallStatus.closed.rawValue }
    runtime.record.slot.health.remove(place)
    return CallStatus.ok.rawValue
  }

  /// The slot of a thread's number; nil for an invalid number.
  private static func place(of thread: UInt32) -> Int? {
    let place = Int(thread & 0xFF) - 1
    return place >= 0 && place < HealthCells.maxThreads && thread >> placeBits & 1 == 1 ? place : nil
  }

  static func ready(
    _ host: UnsafePointer<outrider_host>?, _ isReady: Int32, _ reason: outrider_bytes
  ) -> outrider_status {
    guard let runtime = Runtime.current, let plugin = unsafe HostTable.plugin(host) else {
      return CallStatus.wrongState.rawValue
    }
    let text = unsafe Bytes(reason)
    guard isReady != 0 || text.isWellFormed else {
      return unsafe misuse("health.ready", .invalid, host, "reason is NULL, or its size is negative")
    }
    let bytes = isReady != 0 ? [] : (0..<min(text.count, HealthCells.maxReason)).map { text[$0] }
    runtime.record.slot.health.setReady(plugin.record.number, isReady != 0, reason: bytes)
    return CallStatus.ok.rawValue
  }

  private static func misuse(
    _ call: StaticString, _ outcome: CallStatus, _ host: UnsafePointer<outrider_host>?, _ rule: String
  ) -> outrider_status {
    unsafe Runtime.current?.record.misuse.note(
      call, outcome, plugin: HostTable.plugin(host), exchange: outrider_exchange(id: 0), rule: rule)
    return outcome.rawValue
  }

  private static func isName(_ name: Bytes) -> Bool {
    name.count <= HealthCells.maxName && RequestNotes.isKey(name)
  }
}
