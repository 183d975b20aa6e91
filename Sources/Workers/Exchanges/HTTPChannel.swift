import HTTP
import Platform
import PluginHost

/// The path of one request and its response: an HTTP/1 connection, or a stream of an HTTP/2 connection.
///
/// The principle: code that both protocols share is in extensions of this protocol; their differences are its
/// requirements. A conforming type is a pair of pointers, and the compiler specializes the shared code for each. No
/// call is dynamic, and no code checks the protocol at run time, except `Request.visitChannel`, which leads from a
/// `Request` to its channel.
///
/// Three verbs end a response. `finish`: it is complete on the side of plugin and server. `abort`: it can't be
/// completed, and the client sees that. `refuse`: the server responds in place of the plugin.
protocol HTTPChannel {
  var worker: Worker { get }
  var request: Request { get }
  init(_ worker: Worker, _ request: Request)

  /// The sinks for parts of responses.
  static func sinks(_ sinks: Sinks) -> Sinks.Styles
  /// Whether a thread may return its request without a wake-up. The loop then finds it when the client sends again.
  static var returnsSilently: Bool { get }

  // MARK: The request

  /// The client has ended its side after the request.
  var isHalfClosed: Bool { get }
  /// Reads more of the body.
  func readBody(limit: Int) -> BodyStep
  /// Part of the body has been read, which may affect keep-alive.
  func bodyWasRead()
  /// The plugin reads the body, most likely all of it.
  func expectReading()
  /// The plugin has read `count` bytes: the client may send more.
  func openWindow(by count: Int)
  /// Whatever the client sends from now on belongs to the request: its protocol has been switched.
  func beginTunnel()
  /// Gives back memory for reading, which has no bytes.
  func releaseReadMemory()
  /// Sends 100 (Continue) if the client still waits for it.
  func sendContinue()

  // MARK: The response

  /// Bytes no longer reach the client.
  var isBroken: Bool { get }
  /// Response bytes queued on the loop.
  var queuedCount: Int { get }
  /// Whether response bytes or files are queued on the loop.
  var hasQueuedOutput: Bool { get }
  /// The streams of the connection together exceed its bound. [any-thread]
  var isCrowded: Bool { get }
  /// Applies limits of the peer to early hints.
  func limitHints(_ policy: inout EarlyHintPolicy)
  /// The response is complete and has been sent.
  var hasSentAll: Bool { get }
  /// Takes over output that another thread has queued.
  func takeOver(_ output: inout OutputQueue)
  /// Sends queued output, and releases leases of segments that are done.
  func flush()
  /// Ends the leases and notes the tags of segments that are done.
  func releaseLeases()
  /// Drops the rest of the response and ends its leases. Outside any call into the plugin.
  func discardOutput()
  /// Ends the leases of the response, whose rest is dropped. Likewise outside any call into the plugin.
  func releaseLent()
  /// Whether a handler's thread has returned the request without reporting it; false where threads report that
  /// themselves.
  var isReturned: Bool { get }

  // MARK: Turns and deadlines

  /// Gathers the body for a thread that will own the connection; true if it is handed off, or in another phase.
  func advanceHandoff(_ exchange: Exchange) -> Bool

  /// Puts the request on the list of this turn.
  func queue()
  func setDeadline(_ moment: UInt64)
  /// A thread of a pool is about to get the request.
  func willHandOff()

  // MARK: The end

  /// The response is complete, and the plugin is done with it.
  func finish()
  /// The response can't be completed. Queued parts are sent, and then the client sees an error.
  func abort()
  /// Nobody waits for the response: its rest is dropped.
  func abortNow()
  /// Sends a response of the server itself, with the status of `refusal`.
  func refuse(_ refusal: Refusal)
  /// The same while a handler's thread still has the request.
  func refuseInHandlersPlace(_ refusal: Refusal)
  /// Logs that the worker ends before the client has the whole of a response that the plugin is done with.
  func noteCutOff()
  /// The handler has returned after the server responded in its place.
  func finishRefused()
  /// The handler has returned: notes whether the client received the response.
  func noteLoss(_ exchange: Exchange, succeeded: Bool)
}

extension Request {
  /// Calls `body` with the channel of a request. This is the only place that checks the protocol.
  @inline(__always)
  func visitChannel(_ worker: Worker, http1: (HTTP1Channel) -> Void, http2: (HTTP2Channel) -> Void) {
    if isStream { http2(HTTP2Channel(worker, self)) } else { http1(HTTP1Channel(worker, self)) }
  }
}
