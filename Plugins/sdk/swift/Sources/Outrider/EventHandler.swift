import COutriderPlugin

/// A handler in event style: it is called on the loop of its worker, and never blocks.
///
/// An error that one of its methods throws is logged, and the client gets a 500; if the response has begun, it is cut off.
public protocol EventHandler: Plugin {
  /// What an exchange keeps between its events; `Void` if that is nothing.
  associatedtype State = Void

  /// Called when the head of a request is complete. The response may be sent here or later.
  func open(_ exchange: Exchange, _ head: Head) throws -> State

  /// Called for each event of the exchange.
  func receive(_ event: Event, _ exchange: Exchange, _ state: inout State) throws

  /// Called last for each exchange whose `open` returned.
  func close(_ exchange: Exchange, _ state: State)
}

extension EventHandler {
  public func receive(_ event: Event, _ exchange: Exchange, _ state: inout State) throws {}
  public func close(_ exchange: Exchange, _ state: State) {}

  /// The description of the plugin, which its outrider_plugin_v1() returns. Name and version are for display.
  @safe
  public static func plugin(_ name: StaticString, version: StaticString) -> UnsafeRawPointer? {
    makeEntry.withLock { $0 = { host in try EventEntry<Self>(making: host) } }
    return unsafe describe(name, version, isBlocking: false)
  }
}

private final class EventEntry<Content: EventHandler>: Entry {
  let handler: Content

  init(making host: OutriderHost) throws {
    handler = try Content(host)
    super.init(host)
  }

  override func beforeFork() { handler.beforeFork() }
  override func workerStart(_ worker: WorkerInfo) throws { try handler.workerStart(worker) }
  override func workerStop(deadline: UInt64) { handler.workerStop(deadline: deadline) }
  override func unload() { handler.unload() }

  override func open(_ exchange: Exchange, _ head: UnsafePointer<outrider_head>) throws -> UnsafeMutableRawPointer? {
    let state = try handler.open(exchange, unsafe Head(head))
    // A state that has no bytes needs no memory, and no address.
    if MemoryLayout<Content.State>.size == 0 { return nil }
    let memory = UnsafeMutablePointer<Content.State>.allocate(capacity: 1)
    unsafe memory.initialize(to: state)
    return UnsafeMutableRawPointer(memory)
  }

  override func receive(_ event: UnsafePointer<outrider_event>, _ exchange: Exchange, _ state: UnsafeMutableRawPointer?)
  {
    guard let event = unsafe Event(event) else { return }
    do {
      try unsafe handler.receive(event, exchange, &memory(state).pointee)
    } catch {
      exchange.end(failed: OutriderError.Code(rawValue: report(error, host, exchange.id)))
    }
  }

  override func close(_ exchange: Exchange, _ state: UnsafeMutableRawPointer?) {
    let memory = unsafe memory(state)
    handler.close(exchange, unsafe memory.move())
    if unsafe state != nil { unsafe memory.deallocate() }
  }

  /// The memory of an exchange's state. Any aligned address will do for one without bytes.
  private func memory(_ state: UnsafeMutableRawPointer?) -> UnsafeMutablePointer<Content.State> {
    unsafe state?.assumingMemoryBound(to: Content.State.self)
      ?? UnsafeMutablePointer(bitPattern: MemoryLayout<Content.State>.alignment).unsafelyUnwrapped
  }
}

// MARK: The hooks of the same names

func open(
  _ state: UnsafeMutableRawPointer?, _ exchange: outrider_exchange, _ head: UnsafePointer<outrider_head>,
  _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>
) -> outrider_status {
  unsafe withEntry(state) { entry in
    do {
      unsafe own.pointee = try entry.open(Exchange(exchange, entry.host), head)
      return OUTRIDER_OK
    } catch {
      return report(error, entry.host, exchange)
    }
  }
}

func receive(
  _ state: UnsafeMutableRawPointer?, _ own: UnsafeMutableRawPointer?, _ exchange: outrider_exchange,
  _ event: UnsafePointer<outrider_event>
) {
  unsafe withEntry(state) { unsafe $0.receive(event, Exchange(exchange, $0.host), own) }
}

func close(_ state: UnsafeMutableRawPointer?, _ own: UnsafeMutableRawPointer?, _ exchange: outrider_exchange) {
  unsafe withEntry(state) { unsafe $0.close(Exchange(exchange, $0.host), own) }
}
