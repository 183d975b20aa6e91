import Configuration
import HTTP
import Platform

/// The settings as a worker uses them: plain numbers on the path of a request.
struct WorkerSettings {
  let model: WorkerModel
  let threads: Int
  let connections: Int
  let queue: Int
  let limits: RequestLimits
  let underscores: HTTP.UnderscoreFields
  let timeouts: Settings.Timeouts
  /// The most that is read away of an unread body before a connection is reused.
  let drainLimit: Int
  /// The most bytes that wait on a connection, and where a sender is asked to pause.
  let outputLimit: Int
  let highWater: Int
  let minRate: Int
  /// The most bytes of a response, and of all, that wait in files.
  let spool: Int
  let workerSpool: Int
  let hints: [EarlyHintRules]
  let trusted: TrustedPeers
  /// The PROXY header that each listener wants, if any.
  let proxyHeaders: [ProxyHeader.Accepted?]
  /// Whether each listener takes HTTP/2 with prior knowledge.
  let priorKnowledge: [Bool]
  /// Whether any listener speaks HTTP/2.
  let offersHTTP2: Bool
  let http2: Settings.HTTP2
  let http2Session: HTTP2Settings
  /// The most memory that heads and trailers of one connection's streams take together.
  let headMemory: Int
  /// How much of a stream's body a handler reads before its window opens by that.
  let windowStep: Int

  init(_ settings: Settings) {
    model = settings.server.workerModel
    threads = settings.server.threads
    connections = model == .sync ? 1 : settings.server.workerConnections
    queue = settings.server.queue
    timeouts = settings.timeouts
    drainLimit = settings.limits.drain
    outputLimit = settings.limits.output
    highWater = settings.limits.output / 2
    minRate = settings.limits.minRate
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
    http2 = settings.http2
    http2Session = HTTP2Settings(settings.http2)
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
  }

  /// How many requests a worker serves before it is replaced, with its share of chance; `.max` for ever.
  static func lifetime(_ server: Settings.Server) -> UInt64 {
    guard server.maxRequests > 0 else { return .max }
    return UInt64(server.maxRequests) + UInt64.random(in: 0...UInt64(server.maxRequestsJitter))
  }

  /// The most requests at once: of HTTP/1 one for each connection, of HTTP/2 as many as there are streams.
  var requests: Int {
    guard offersHTTP2 else { return connections }
    return connections + min(connections * http2.maxConcurrentStreams, WorkerSettings.mostStreams)
  }

  private static let mostStreams = 1 << 16
  /// What each of the streams that a connection may have can count on for its head.
  private static let leastHeadMemory = 8 << 10

  /// A sync worker closes after each answer.
  var keepsConnections: Bool { !model.isSync }
}

extension WorkerModel {
  // As `==`, which from another module would go through the protocol.
  var isSync: Bool { if case .sync = self { true } else { false } }
  var isGthread: Bool { if case .gthread = self { true } else { false } }
  var isAsync: Bool { if case .async = self { true } else { false } }

  /// As the plugin ABI numbers them.
  var abi: UInt32 {
    switch self {
    case .sync: 1
    case .gthread: 2
    case .async: 3
    }
  }
}

extension HTTP2Settings {
  init(_ settings: Settings.HTTP2) {
    self.init()
    maxConcurrentStreams = UInt32(clamping: settings.maxConcurrentStreams)
    initialWindowSize = UInt32(clamping: settings.initialWindowSize)
    maxFrameSize = UInt32(clamping: settings.maxFrameSize)
    maxHeaderListSize = UInt32(clamping: settings.maxHeaderListSize)
    floods.resets = settings.maxResetsPerSecond
    floods.settings = settings.maxSettingsPerSecond
    floods.pings = settings.maxPingsPerSecond
    floods.priorities = settings.maxPrioritiesPerSecond
    floods.emptyFrames = settings.maxEmptyFramesPerSecond
    floods.windowUpdates = settings.maxWindowUpdatesPerSecond
  }
}
