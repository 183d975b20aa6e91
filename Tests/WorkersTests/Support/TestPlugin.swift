import COutrider
import HTTP
import Platform

@testable import PluginHost

/// Plugins that are made here instead of loaded.
enum TestPlugin {
  enum Style { case event, blocking, both }

  static func make(
    _ number: Int = 0, mount: StaticString = "", style: Style = .event, isThreadSafe: Bool = true
  ) -> Plugin {
    var descriptor = unsafe outrider_plugin()
    unsafe descriptor.size = unsafe UInt32(MemoryLayout<outrider_plugin>.size)
    if style != .blocking {
      unsafe descriptor.open = { _, exchange, _, _ in TestPlugin.open(exchange) }
      unsafe descriptor.on_event = { _, _, _, _ in }
      unsafe descriptor.close = { _, _, _ in }
    }
    if style != .event { unsafe descriptor.handle = { _, _, _, _, _ in OUTRIDER_OK } }
    if isThreadSafe { unsafe descriptor.capabilities = OUTRIDER_THREAD_SAFE }
    let record = unsafe PluginRecord(
      descriptor: descriptor, state: nil, host: HostTable.make(), number: number, name: Bytes("test"), path: "",
      mount: Bytes(mount), isPerWorker: false,
      configuration: PluginConfiguration.empty)
    let plugin = Plugin(record)
    unsafe plugin.record.host.pointee.implementation = unsafe UnsafeMutableRawPointer(plugin.address)
    return plugin
  }

  /// On "/", of the event style: responds at once, with "hello".
  static let hello = make()

  private static func open(_ exchange: outrider_exchange) -> outrider_status {
    var event = unsafe outrider_response_event()
    unsafe event.size = unsafe UInt32(MemoryLayout<outrider_response_event>.size)
    unsafe event.type = OUTRIDER_EVENT_RESPONSE
    unsafe event.status = 200
    let body = Bytes("hello")
    unsafe event.body.data = unsafe UnsafeRawPointer(body.base)?.assumingMemoryBound(to: CChar.self)
    unsafe event.body.size = body.count
    let host = unsafe hello.record.host
    return unsafe withUnsafePointer(to: &event) {
      unsafe host.pointee.send(host, exchange, UnsafeRawPointer($0).assumingMemoryBound(to: outrider_event.self))
    }
  }
}
