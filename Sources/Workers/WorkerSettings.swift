import Configuration
import HTTP
import Platform
import PluginHost

/// The settings in the form that the request path uses: plain numbers.
struct WorkerSettings {
  let model: WorkerModel
  let threads: Int
  let connections: Int
  /// The additional number of lingering connections; 0 if they count against `connections`.
  let lingering: Int
  let queue: Int
  let limits: RequestLimits
  let underscores: HTTP.UnderscoreFields
  let timeouts: Settings.Timeouts
  /// An HTTP/1 client that closes its side counts as gone.
  let abortsOnHalfClose: Bool
  /// The maximum number of unread body bytes that are discarded to reuse a connection.
  let drainLimit: Int
  /// The maximum number of bytes queued on a connection, and the number from which a sender is asked to pause.
  let outputLimit: Int
  let highWater: Int
  /// At index 0 for requests without a plugin, then for those of each plugin.
  let paces: [RequestPace]
  /// The maximum number of bytes in temporary files, of one response and of all.
  let spool: Int
  let workerSpool: Int
  let hints: [EarlyHintRules]
  /// By listener, then by plugin: whether only navigations get hints. Empty if that is true nowhere.
  let navigationHints: [[Bool]]
  let trusted: TrustedPeers
  /// The forwarding fields that are believed.
  let trustedFields: TrustedFields
  /// The PROXY header that each listener requires, if any.
  let proxyHeaders: [ProxyHeader.Accepted?]
  /// Whether each listener takes HTTP/2 with prior knowledge.
  let priorKnowledge: [Bool]
  /// Whether any listener speaks HTTP/2.
  let offersHTTP2: Bool
  /// Nil if WebSockets are not enabled.
  let webSocket: WebSocketSettings?
  /// The origins whose pages may open WebSockets.
  let webSocketOrigins: AllowedOrigins
  let http2: Settings.HTTP2
  let http2Session: HTTP2Settings
  /// The maximum memory of the heads and trailers of one connection's streams.
  let headMemory: Int
  /// How much of a stream's body a handler reads before the window is opened by that.
  let windowStep: Int

  init(_ settings: Settings) {
    model = settings.server.workerModel
    keepsConnections = model != .sync
    runsHandlersInPlace = model == .sync
    threads = settings.server.threads
    connections = model == .sync ? 1 : settings.server.workerConnections
    lingering = model == .sync ? WorkerSettings.mostLingering : 0
    queue = settings.server.queue
    timeouts = settings.timeouts
    abortsOnHalfClose = settings.http.abortOnHalfClose
    drainLimit = settings.limits.drain
    outputLimit = settings.limits.output
    highWater = settings.limits.output / 2
    paces = RequestPace.all(settings)
    spool = settings.limits.spool
    workerSpool = settings.limits.workerSpool
    var limits = RequestLimits()
    limits.requestLine = settings.limits.requestLine
    limits.fieldSize = settings.limits.fieldSize
    limits.fields = settings.limits.fields
    limits.head = settings.limits.head
    limits.body = Int64(settings.limits.body)
    limits.chunkExtension = settings.limits.chunkExtension
    self.limits = limits
    underscores =
      switch settings.http.underscoreFields {
      case .drop: .drop
      case .refuse: .refuse
      case .pass: .pass
      }
    trusted = settings.proxy.trusted
    trustedFields = TrustedFields(settings.proxy.fields)
    proxyHeaders = settings.listeners.map { listener in
      switch listener.proxyProtocol {
      case .off: nil
      case .v1: .v1
      case .v2: .v2
      case .any: .any
      }
    }
    priorKnowledge = settings.listeners.map(\.h2c)
    offersHTTP2 = settings.listeners.contains { $0.h2c || $0.tls.isEnabled && $0.protocols.contains(.http2) }
    webSocket = settings.webSocket.isEnabled ? WebSocketSettings(settings.webSocket) : nil
    webSocketOrigins = settings.webSocket.origins
    http2 = settings.http2
    http2Session = HTTP2Settings(settings.http2, allowsWebSocket: settings.webSocket.isEnabled)
    headMemory = max(
      settings.http2.maxHeadMemory, settings.http2.maxConcurrentStreams * WorkerSettings.leastHeadMemory)
    windowStep = min(settings.http2.initialWindowSize, BodyPipe.capacity) / 2
    hints = settings.listeners.map { listener in
      var rules = EarlyHintRules()
      rules.enabled = settings.earlyHints.enabled
      rules.maxPerRequest = settings.earlyHints.maxPerRequest
      rules.maxBytes = settings.earlyHints.maxBytes
      rules.http1 =
        switch settings.http1Hints(of: listener) {
        case .auto: .direct
        case .on: .all
        case .off: .none
        }
      return rules
    }
    let audiences = settings.listeners.map { listener in
      settings.plugins.map { settings.hintAudience(of: listener, $0) == .navigations }
    }
    navigationHints = audiences.joined().contains(true) ? audiences : []
  }

  /// The number of requests after which a worker is replaced, with its random part; `.max` for no limit.
  static func lifetime(_ server: Settings.Server) -> UInt64 {
    guard server.maxRequests > 0 else { return .max }
    return UInt64(server.maxRequests) + UInt64.random(in: 0...UInt64(server.maxRequestsJitter))
  }

  /// The maximum number of requests at once: one for each HTTP/1 connection, the number of streams for each HTTP/2
  /// connection.
  var requests: Int {
    guard offersHTTP2 else { return connections }
    return connections + min(connections * http2.maxConcurrentStreams, WorkerSettings.mostStreams)
  }

  private static let mostStreams = 1 << 16
  /// For a sync worker, whose next client does not wait for lingering connections.
  private static let mostLingering = 64
  /// The memory for heads that each stream of a connection is guaranteed.
  private static let leastHeadMemory = 8 << 10

  /// A sync worker closes after each response.
  let keepsConnections: Bool
  /// The loop's thread runs handlers; there is no pool.
  let runsHandlersInPlace: Bool
}

extension WorkerModel {
  /// The number of the model in the plugin ABI.
  var abi: UInt32 {
    switch self {
    case .sync: 1
    case .gthread: 2
    case .async: 3
    }
  }
}

extension WebSocketSettings {
  /// How long a client may take to answer a Close, in nanoseconds.
  private static let closeTimeout = 5 * Clock.nanosecondsPerSecond

  init(_ settings: Settings.WebSocket) {
    self.init(
      limits: WebSocketLimits(maxFrame: settings.maxFrame, maxMessage: settings.maxMessage),
      timing: WebSocketTiming(
        pingInterval: settings.pingInterval, pingTimeout: settings.pingTimeout, idleTimeout: settings.idleTimeout,
        closeTimeout: WebSocketSettings.closeTimeout),
      compression: settings.compresses ? WebSocketCompression() : nil)
  }
}

extension HTTP2Settings {
  /// The burst of resets that a client may send, in multiples of the streams that it may have open.
  private static let resetsPerStream = 10

  init(_ settings: Settings.HTTP2, allowsWebSocket: Bool) {
    self.init()
    self.allowsWebSocket = allowsWebSocket
    maxConcurrentStreams = UInt32(clamping: settings.maxConcurrentStreams)
    initialWindowSize = UInt32(clamping: settings.initialWindowSize)
    maxFrameSize = UInt32(clamping: settings.maxFrameSize)
    maxHeaderListSize = UInt32(clamping: settings.maxHeaderListSize)
    floods.resets = settings.maxResetsPerSecond
    floods.resetBurst = settings.maxConcurrentStreams * HTTP2Settings.resetsPerStream
    floods.settings = settings.maxSettingsPerSecond
    floods.pings = settings.maxPingsPerSecond
    floods.priorities = settings.maxPrioritiesPerSecond
    floods.emptyFrames = settings.maxEmptyFramesPerSecond
    floods.windowUpdates = settings.maxWindowUpdatesPerSecond
  }
}
