import PluginHost

/// How the bytes of exchanges move under a worker's model: a table for each protocol and style.
@safe
struct Transports {
  @safe
  struct Styles {
    let events: UnsafePointer<ExchangeTransport>
    let blocking: UnsafePointer<ExchangeTransport>
  }

  let http1: Styles
  /// Of streams.
  let http2: Styles

  init(_ settings: WorkerSettings) {
    http1 = unsafe Styles(
      events: LoopTransport.table,
      blocking: settings.model.isAsync ? QueuedTransport.table : DirectTransport.table)
    http2 = unsafe Styles(events: StreamTransport.table, blocking: QueuedTransport.table)
  }
}
