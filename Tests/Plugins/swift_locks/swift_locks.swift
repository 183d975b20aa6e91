// A plugin in Swift, loaded in the master, whose loop and another thread want the same lock of the runtime at once: that of a
// lazy global (/lazy), and a Mutex (/mutex). Both are used in load() as well, so that the runtime knows the master's thread.

import Glibc
import Synchronization

private enum Early { static let value = getpid() }

private enum Late {
  static let value: pid_t = {
    usleep(200_000)
    return getpid()
  }()
}

private let mutex = Mutex(0)
/// What the other thread is to do: 1 the lazy global, 2 the mutex, and 0 when it has.
private let order = Atomic<Int>(0)

private func send(_ text: StaticString, _ state: UnsafeMutableRawPointer?, _ exchange: outrider_exchange)
  -> outrider_status
{
  let host = state!.assumingMemoryBound(to: outrider_host.self)
  let data = UnsafeRawPointer(text.utf8Start).assumingMemoryBound(to: CChar.self)
  return outrider_send_response(host, exchange, 200, nil, 0, outrider_bytes(data: data, size: text.utf8CodeUnitCount))
}

private func work() {
  while true {
    let wanted = order.load(ordering: .acquiring)
    if wanted == 0 {
      usleep(1000)
      continue
    }
    usleep(50_000)
    if wanted == 1 { _ = Late.value } else { mutex.withLock { $0 += 1 } }
    order.store(0, ordering: .releasing)
  }
}

nonisolated(unsafe) private let plugin: UnsafePointer<outrider_plugin> = {
  var plugin = outrider_plugin()
  plugin.size = UInt32(MemoryLayout<outrider_plugin>.size)
  plugin.abi = 1 << 16
  plugin.abi_required = 1 << 16
  plugin.name = UnsafeRawPointer(("swift_locks" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self)
  plugin.version = UnsafeRawPointer(("1.0" as StaticString).utf8Start).assumingMemoryBound(to: CChar.self)
  plugin.load = { _, _, _, _ in
    _ = Early.value
    mutex.withLock { $0 += 1 }
    return 0
  }
  plugin.worker_start = { _, _, _ in
    var thread = pthread_t()
    return pthread_create(
      &thread, nil,
      { _ in
        work()
        return nil
      }, nil) == 0 ? 0 : -1
  }
  plugin.open = { state, exchange, head, _ in
    let isLazy = head.pointee.path.size == 5
    order.store(isLazy ? 1 : 2, ordering: .releasing)
    if isLazy {
      _ = Late.value
    } else {
      mutex.withLock {
        $0 += 1
        usleep(200_000)
      }
    }
    while order.load(ordering: .acquiring) != 0 { usleep(1000) }
    return send("done", state, exchange)
  }
  plugin.on_event = { _, _, _, _ in }
  plugin.close = { _, _, _ in }
  let place = UnsafeMutablePointer<outrider_plugin>.allocate(capacity: 1)
  place.initialize(to: plugin)
  return UnsafePointer(place)
}()

@c(outrider_plugin_v1)
public func entryPoint(_ host: UnsafePointer<outrider_host>?) -> UnsafePointer<outrider_plugin>? { plugin }
