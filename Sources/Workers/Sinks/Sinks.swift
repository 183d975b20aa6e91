import PluginHost

/// The sinks for parts of responses, chosen once from the worker model. This is the only place that checks the model.
///
/// | | event style | blocking style |
/// |---|---|---|
/// | HTTP/1, sync | `EventHTTP1Sink` | `BlockingDirectSink`, on the loop's thread |
/// | HTTP/1, gthread | `EventHTTP1Sink` | `BlockingDirectSink`, on a thread that owns the connection |
/// | HTTP/1, async | `EventHTTP1Sink` | `BlockingPipedSink` |
/// | HTTP/2 | `EventHTTP2Sink` | `BlockingPipedSink` |
@safe
struct Sinks {
  @safe
  struct Sink {
    let table: UnsafePointer<ExchangeTransport>
    let mode: ExchangeMode
  }

  /// The sinks of one protocol.
  @safe
  struct Styles {
    let events: Sink
    let blocking: Sink
    /// Which style is used for a plugin that has both.
    fileprivate let prefersEvents: Bool

    /// The sink for a plugin's exchanges.
    @inline(__always)
    func sink(for plugin: Plugin) -> Sink {
      plugin.record.hasBlockingStyle && !(prefersEvents && plugin.record.hasEventStyle) ? blocking : events
    }
  }

  let http1: Styles
  let http2: Styles

  init(_ settings: WorkerSettings) {
    let prefersEvents = settings.model == .async
    let blockingHTTP1 =
      switch settings.model {
      case .sync: unsafe Sink(table: SinkTable.blockingInPlace, mode: .inPlace)
      case .gthread: unsafe Sink(table: SinkTable.blockingOnOwningThread, mode: .handedOff)
      case .async: unsafe Sink(table: SinkTable.blockingPipedHTTP1, mode: .piped)
      }
    http1 = unsafe Styles(
      events: Sink(table: SinkTable.eventHTTP1, mode: .events), blocking: blockingHTTP1, prefersEvents: prefersEvents)
    http2 = unsafe Styles(
      events: Sink(table: SinkTable.eventHTTP2, mode: .events),
      blocking: Sink(table: SinkTable.blockingPipedHTTP2, mode: .piped), prefersEvents: prefersEvents)
  }

  /// Whether a plugin's requests go to handle().
  func callsHandler(of plugin: Plugin) -> Bool { http1.sink(for: plugin).mode.isBlocking }
}

/// Which thread runs the plugin's code for an exchange, and which owns the connection meanwhile.
enum ExchangeMode: UInt8 {
  /// The loop calls the hooks and owns the connection.
  case events
  /// The loop's thread runs handle(); nothing else runs meanwhile.
  case inPlace
  /// A thread of the pool runs handle() and owns the connection until the response is complete.
  case handedOff
  /// A thread of the pool runs handle(), the loop owns the connection, and bytes go through a `ResponsePipe`.
  case piped

  var isBlocking: Bool { self != .events }
}
