import HTTP
import PluginHost

/// The sinks as the plugin host calls them: tables of C functions, each made once and never changed.
enum SinkTable {
  nonisolated(unsafe) static let eventHTTP1 = unsafe make(
    ExchangeTransport(
      reserve: { unsafe EventSink<HTTP1Channel>.admit(Exchange(raw: $0), $1).code },
      perform: { unsafe EventHTTP1Sink.perform(Exchange(raw: $0), act($1)).code },
      read: { _, _, _, _ in CallStatus.unsupported.code },
      wakeLoop: { unsafe EventSink<HTTP1Channel>.attend(Exchange(raw: $0)) },
      checkPeerClosed: { _ in },
      describeTLS: { unsafe describeTLS($0) }))

  nonisolated(unsafe) static let eventHTTP2 = unsafe make(
    ExchangeTransport(
      reserve: { unsafe EventSink<HTTP2Channel>.admit(Exchange(raw: $0), $1).code },
      perform: { unsafe EventHTTP2Sink.perform(Exchange(raw: $0), act($1).pointee).code },
      read: { _, _, _, _ in CallStatus.unsupported.code },
      wakeLoop: { unsafe EventSink<HTTP2Channel>.attend(Exchange(raw: $0)) },
      checkPeerClosed: { _ in },
      describeTLS: { unsafe describeTLS($0) }))

  nonisolated(unsafe) static let blockingInPlace = unsafe make(
    ExchangeTransport(
      reserve: { _, _ in CallStatus.ok.code },
      perform: { unsafe BlockingDirectSink<InPlace>.perform(Exchange(raw: $0), act($1).pointee).code },
      read: { unsafe BlockingDirectSink<InPlace>.read(Exchange(raw: $0), $1, $2, $3).code },
      wakeLoop: { _ in },
      checkPeerClosed: { unsafe BlockingDirectSink<InPlace>.probe(Exchange(raw: $0)) },
      describeTLS: { unsafe describeTLS($0) }))

  nonisolated(unsafe) static let blockingOnOwningThread = unsafe make(
    ExchangeTransport(
      reserve: { _, _ in CallStatus.ok.code },
      perform: { unsafe BlockingDirectSink<OnOwningThread>.perform(Exchange(raw: $0), act($1).pointee).code },
      read: { unsafe BlockingDirectSink<OnOwningThread>.read(Exchange(raw: $0), $1, $2, $3).code },
      wakeLoop: { _ in },
      checkPeerClosed: { unsafe BlockingDirectSink<OnOwningThread>.probe(Exchange(raw: $0)) },
      describeTLS: { unsafe describeTLS($0) }))

  nonisolated(unsafe) static let blockingPipedHTTP1 = unsafe make(
    ExchangeTransport(
      reserve: { _, _ in CallStatus.ok.code },
      perform: { unsafe BlockingPipedSink<HTTP1Channel>.perform(Exchange(raw: $0), act($1).pointee).code },
      read: { unsafe BlockingPipedSink<HTTP1Channel>.read(Exchange(raw: $0), $1, $2, $3).code },
      wakeLoop: { _ in },
      checkPeerClosed: { _ in },
      describeTLS: { unsafe describeTLS($0) }))

  nonisolated(unsafe) static let blockingPipedHTTP2 = unsafe make(
    ExchangeTransport(
      reserve: { _, _ in CallStatus.ok.code },
      perform: { unsafe BlockingPipedSink<HTTP2Channel>.perform(Exchange(raw: $0), act($1).pointee).code },
      read: { unsafe BlockingPipedSink<HTTP2Channel>.read(Exchange(raw: $0), $1, $2, $3).code },
      wakeLoop: { _ in },
      checkPeerClosed: { _ in },
      describeTLS: { unsafe describeTLS($0) }))

  private static func describeTLS(_ exchange: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer? {
    let request = unsafe Request(raw: Exchange(raw: exchange).record.transportContext)
    return unsafe request.record.connection.tlsDescription?.address
  }

  private static func make(_ value: ExchangeTransport) -> UnsafePointer<ExchangeTransport> {
    let table = UnsafeMutablePointer<ExchangeTransport>.allocate(capacity: 1)
    unsafe table.initialize(to: value)
    return unsafe UnsafePointer(table)
  }

  @inline(__always)
  private static func act(_ raw: UnsafeRawPointer) -> UnsafePointer<ResponsePart> {
    unsafe raw.assumingMemoryBound(to: ResponsePart.self)
  }
}
