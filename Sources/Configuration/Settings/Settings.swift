/// Everything the server can be told, with one nested structure for each table of the configuration file.
///
/// Defaults are in the schema, beside the range and the documentation of each key; the initial values here only make
/// room. A value of this type outside this module therefore comes from `Settings.defaults` or a `Configuration`.
package struct Settings: Sendable, Equatable {
  package var server = Server()
  package var timeouts = Timeouts()
  package var limits = Limits()
  package var http = HTTP()
  package var http2 = HTTP2()
  package var proxy = Proxy()
  package var earlyHints = EarlyHints()
  package var log = Log()
  package var control = Control()
  package var metrics = Metrics()
  package var debug = Debug()
  /// At least one, each on an address of its own.
  package var listeners: [ListenerSettings] = []
  /// Each with a name and a mount of its own.
  package var plugins: [PluginSettings] = []

  package struct Server: Sendable, Equatable {
    package var workers = WorkerCount.perCore
    package var workerModel = WorkerModel.async
    package var threads = 0
    package var workerConnections = 0
    package var queue = 0
    package var backlog = 0
    /// Idle time before a client is probed; 0 is never.
    package var tcpKeepalive: Nanoseconds = 0
    package var bootTimeout: Nanoseconds = 0
    package var gracefulTimeout: Nanoseconds = 0
    /// 0 is for ever.
    package var maxRequests = 0
    package var maxRequestsJitter = 0
    /// Bytes of resident memory; 0 is no limit.
    package var memoryLimit = 0
    package var restartBackoff: Nanoseconds = 0
    /// Names or numbers; empty for whoever starts the server, and for the user's own group.
    package var user = ""
    package var group = ""
    package var umask = FileMode(bits: 0)
    package var coreDumps = false
    /// An absolute path; empty for none.
    package var pidFile = ""
  }

  package struct Timeouts: Sendable, Equatable {
    package var head: Nanoseconds = 0
    package var body: Nanoseconds = 0
    package var write: Nanoseconds = 0
    package var keepalive: Nanoseconds = 0
    /// 0 is no limit.
    package var request: Nanoseconds = 0
    /// 0 is no limit.
    package var worker: Nanoseconds = 0
  }

  /// In bytes, but for `fields`.
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
    /// Bytes a second; 0 is no limit.
    package var minRate = 0
  }

  package struct HTTP: Sendable, Equatable {
    package var underscoreFields = UnderscoreFields.drop
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

  package struct Proxy: Sendable, Equatable {
    package var trusted = TrustedPeers()
  }

  package struct EarlyHints: Sendable, Equatable {
    package var enabled = false
    package var http1 = HTTP1Hints.auto
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
    /// Where the error log is, a path or `journal`; nil if it is standard error.
    package var errorPlace: String? { error == Log.journal ? error : errorFile }

    /// The value of `error` for the journal of systemd.
    package static let journal = "journal"

    /// The path of the access log; nil if that is no file.
    package var accessFile: String? { access.utf8.first == UInt8(ascii: "/") ? access : nil }
    /// Where the access log is, a path or `journal`; nil if it is neither.
    package var accessPlace: String? { access == Log.journal ? access : accessFile }
  }

  package struct Control: Sendable, Equatable {
    /// What `socket` is with a configuration file.
    package static let usualSocket = "/run/outrider/control.sock"
    /// An absolute path; empty for none.
    package var socket = ""
  }

  package struct Metrics: Sendable, Equatable {
    /// Of the kinds that the supervisor binds itself; nil for none.
    package var bind: BindAddress?
  }

  package struct Debug: Sendable, Equatable {
    package var abiChecks = false
  }

  /// What holds for HTTP/1 requests that come in by `listener`.
  package func http1Hints(of listener: ListenerSettings) -> HTTP1Hints {
    guard earlyHints.enabled else { return .off }
    return listener.earlyHints == .auto ? earlyHints.http1 : listener.earlyHints
  }
}

/// A `[[listener]]`.
package struct ListenerSettings: Sendable, Equatable {
  package var bind = BindAddress.unix(path: "")
  /// HTTP/2 with prior knowledge on a cleartext listener.
  package var h2c = false
  /// As configured, where `auto` leaves it to `[early_hints].http1`: see `Settings.http1Hints(of:)`.
  package var earlyHints = HTTP1Hints.auto
  package var proxyProtocol = ProxyProtocol.off
  /// Of a unix socket's file, as its owner and group: names or numbers, empty for those of the process that binds.
  package var mode = FileMode(bits: 0)
  package var owner = ""
  package var group = ""
  /// What TLS clients may choose by ALPN, best first.
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

/// Whether connections begin with a PROXY header, and of which version.
package enum ProxyProtocol: String, Sendable, CaseIterable {
  case off
  case v1
  case v2
  case any
}

/// How many workers.
package enum WorkerCount: Sendable, Hashable {
  case fixed(Int)
  case perCore

  /// The number of workers on a machine of so many cores.
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
  /// Those that come directly.
  case auto
  /// Those behind a proxy too.
  case on
  case off
}

/// What becomes of request fields with an underscore in their name.
package enum UnderscoreFields: String, Sendable, CaseIterable {
  case drop
  case refuse
  case pass
}

/// The least severe messages that are logged; the raw values are those of swift-log.
package enum LogLevel: String, Sendable, CaseIterable {
  case debug
  case info
  case warning
  case error
  case critical
}
