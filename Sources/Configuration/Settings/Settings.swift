/// All settings of the server, with a nested structure for each table of the configuration file.
///
/// Defaults are in the schema, together with the range and the documentation of each key; the initial values here are
/// placeholders. Outside this module values of this type come from `Settings.defaults` or a `Configuration`.
package struct Settings: Sendable, Equatable {
  package var server = Server()
  package var timeouts = Timeouts()
  package var limits = Limits()
  package var http = HTTP()
  package var http2 = HTTP2()
  package var proxy = Proxy()
  package var webSocket = WebSocket()
  package var earlyHints = EarlyHints()
  package var log = Log()
  package var control = Control()
  package var metrics = Metrics()
  package var store = Store()
  package var debug = Debug()
  /// At least one, each with an address of its own.
  package var listeners: [ListenerSettings] = []
  /// Each has a name and a mount of its own.
  package var plugins: [PluginSettings] = []

  package struct Server: Sendable, Equatable {
    package var workers = WorkerCount.perCore
    package var workerModel = WorkerModel.async
    package var threads = 0
    package var workerConnections = 0
    package var queue = 0
    package var backlog = 0
    /// The idle time before a client is probed; 0 for no probes.
    package var tcpKeepalive: Nanoseconds = 0
    package var bootTimeout: Nanoseconds = 0
    package var gracefulTimeout: Nanoseconds = 0
    /// 0 for no limit.
    package var maxRequests = 0
    package var maxRequestsJitter = 0
    /// Resident memory in bytes; 0 for no limit.
    package var memoryLimit = 0
    package var restartBackoff: Nanoseconds = 0
    /// Names or numbers. An empty user means the user that starts the server; an empty group means the user's own
    /// group.
    package var user = ""
    package var group = ""
    package var umask = FileMode(bits: 0)
    package var coreDumps = false
    /// An absolute path; empty for none.
    package var pidFile = ""
    package var watch = false
  }

  package struct Timeouts: Sendable, Equatable {
    package var head: Nanoseconds = 0
    package var body: Nanoseconds = 0
    package var write: Nanoseconds = 0
    package var keepalive: Nanoseconds = 0
    /// 0 for no limit.
    package var request: Nanoseconds = 0
    /// 0 for no limit.
    package var worker: Nanoseconds = 0
    package var shutdownDelay: Nanoseconds = 0
  }

  /// In bytes, except `fields`.
  package struct Limits: Sendable, Equatable {
    package var requestLine = 0
    package var fieldSize = 0
    package var fields = 0
    /// At least `requestLine` and `fieldSize`.
    package var head = 0
    package var body = 0
    package var chunkExtension = 0
    package var drain = 0
    package var output = 0
    package var spool = 0
    package var workerSpool = 0
    /// Bytes per second; 0 for no limit.
    package var minRate = 0
  }

  package struct HTTP: Sendable, Equatable {
    package var underscoreFields = UnderscoreFields.drop
    package var abortOnHalfClose = false
    /// Empty for none.
    package var serverHeader = ""
  }

  package struct HTTP2: Sendable, Equatable {
    package var maxConcurrentStreams = 0
    package var initialWindowSize = 0
    package var maxFrameSize = 0
    package var maxHeaderListSize = 0
    package var maxHeadMemory = 0
    package var maxResetsPerSecond = 0
    package var maxSettingsPerSecond = 0
    package var maxPingsPerSecond = 0
    package var maxPrioritiesPerSecond = 0
    package var maxEmptyFramesPerSecond = 0
    package var maxWindowUpdatesPerSecond = 0
  }

  package struct WebSocket: Sendable, Equatable {
    package var isEnabled = true
    package var origins = AllowedOrigins.all
    package var maxMessage = 0
    package var maxFrame = 0
    package var pingInterval: Nanoseconds = 0
    package var pingTimeout: Nanoseconds = 0
    package var idleTimeout: Nanoseconds = 0
    package var compresses = false
  }

  package struct Proxy: Sendable, Equatable {
    package var trusted = TrustedPeers()
    /// Each field at most once.
    package var fields: [ProxyField] = []
  }

  package struct EarlyHints: Sendable, Equatable {
    package var enabled = false
    package var http1 = HTTP1Hints.auto
    package var audience = HintAudience.all
    package var maxPerRequest = 0
    package var maxBytes = 0
  }

  package struct Log: Sendable, Equatable {
    package var level = LogLevel.info
    /// `stderr`, `journal`, or an absolute path.
    package var error = ""
    /// `off`, `stdout`, `journal`, or an absolute path.
    package var access = ""
    package var accessFormat = AccessFormat.combined

    /// The path of the error log; nil if it is standard error.
    package var errorFile: String? { error.utf8.first == UInt8(ascii: "/") ? error : nil }
    /// The destination of the error log, a path or `journal`; nil if it is standard error.
    package var errorDestination: String? { error == Log.journal ? error : errorFile }

    /// The value of `error` and `access` for systemd's journal.
    package static let journal = "journal"

    /// The path of the access log; nil if it is not a file.
    package var accessFile: String? { access.utf8.first == UInt8(ascii: "/") ? access : nil }
    /// The destination of the access log, a path or `journal`; nil if it is neither.
    package var accessDestination: String? { access == Log.journal ? access : accessFile }
  }

  package struct Control: Sendable, Equatable {
    /// The default of `socket` with a configuration file.
    package static let defaultSocket = "/run/outrider/control.sock"
    /// An absolute path; empty for none.
    package var socket = ""
  }

  package struct Metrics: Sendable, Equatable {
    /// An address of a kind that the supervisor itself can bind; nil for none.
    package var bind: BindAddress?
  }

  package struct Store: Sendable, Equatable {
    /// In bytes; 0 for none.
    package var size = 0
  }

  package struct Debug: Sendable, Equatable {
    package var abiChecks = false
  }

  /// Whether HTTP/1 requests to `listener` get 103 responses.
  package func http1Hints(of listener: ListenerSettings) -> HTTP1Hints {
    guard earlyHints.enabled else { return .off }
    return listener.earlyHints == .auto ? earlyHints.http1 : listener.earlyHints
  }

  /// Which requests to `listener` and `plugin` get early hints.
  package func hintAudience(of listener: ListenerSettings, _ plugin: PluginSettings) -> HintAudience {
    plugin.earlyHintsAudience.own ?? listener.earlyHintsAudience.own ?? earlyHints.audience
  }
}

/// A `[[listener]]` table.
package struct ListenerSettings: Sendable, Equatable {
  package var bind = BindAddress.unix(path: "")
  /// An IPv6 address does not accept IPv4 clients.
  package var isIPv6Only = false
  /// HTTP/2 with prior knowledge on a cleartext listener.
  package var h2c = false
  /// As configured; `auto` refers to `[early_hints].http1`: see `Settings.http1Hints(of:)`.
  package var earlyHints = HTTP1Hints.auto
  package var earlyHintsAudience = OwnHintAudience.auto
  package var proxyProtocol = ProxyProtocol.off
  /// Mode, owner and group of a unix socket's file. Owner and group are names or numbers, empty for those of the
  /// process that binds.
  package var mode = FileMode(bits: 0)
  package var owner = ""
  package var group = ""
  /// The protocols that are offered by ALPN, best first.
  package var protocols: [ApplicationProtocol] = []
  package var tls = TLSSettings()
}

/// The permission bits of a file.
package struct FileMode: Sendable, Hashable, CustomStringConvertible {
  package let bits: UInt32

  package init(bits: UInt32) { self.bits = bits }

  /// Four octal digits.
  package var description: String {
    let digits = String(bits, radix: 8)
    return String(repeating: "0", count: max(0, 4 - digits.utf8.count)) + digits
  }
}

/// Whether connections begin with a PROXY header, and of which versions.
package enum ProxyProtocol: String, Sendable, CaseIterable {
  case off
  case v1
  case v2
  case any
}

/// The number of workers.
package enum WorkerCount: Sendable, Hashable {
  case fixed(Int)
  case perCore

  /// The number of workers on a machine with `cores` cores.
  package func number(cores: Int) -> Int {
    switch self {
    case .fixed(let number): number
    case .perCore: min(max(1, cores), 1024)
    }
  }
}

package enum WorkerModel: String, Sendable, CaseIterable {
  case sync
  case gthread
  case async
}

/// Whether HTTP/1 clients get 103 responses.
package enum HTTP1Hints: String, Sendable, CaseIterable {
  /// Clients that are not behind a proxy.
  case auto
  /// All clients, also behind a proxy.
  case on
  case off
}

/// The requests that get early hints.
package enum HintAudience: String, Sendable, CaseIterable {
  case all
  /// Requests of browsers for a page.
  case navigations
}

/// The requests that get early hints, for one listener or plugin.
package enum OwnHintAudience: String, Sendable, CaseIterable {
  /// The value for the whole server applies.
  case auto
  case all
  case navigations

  var own: HintAudience? {
    switch self {
    case .auto: nil
    case .all: .all
    case .navigations: .navigations
    }
  }
}

/// A field in which proxies describe their client.
package enum ProxyField: String, Sendable, CaseIterable {
  case xForwardedFor = "x-forwarded-for"
  case xForwardedProto = "x-forwarded-proto"
  case xForwardedHost = "x-forwarded-host"
  case forwarded
}

/// The treatment of request fields whose names contain an underscore.
package enum UnderscoreFields: String, Sendable, CaseIterable {
  case drop
  case refuse
  case pass
}

/// The lowest level of messages that are logged; the raw values are those of swift-log.
package enum LogLevel: String, Sendable, CaseIterable {
  case debug
  case info
  case warning
  case error
  case critical
}
