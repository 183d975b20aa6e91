// The schema: every key of the configuration file, once. Parsing, defaults, checks, suggestions, the dump and the
// tables of outrider.toml(5) are derived from it. A new key needs one entry here, or in the schema of listeners or plugins,
// and one stored property in `Settings`.

let ms: Nanoseconds = 1_000_000
private let second: Nanoseconds = 1_000_000_000
let hour: Nanoseconds = 3_600_000_000_000
private let kib = 1 << 10
private let mib = 1 << 20
private let gib = 1 << 30
private let tib = 1 << 40

extension Settings {
  /// All defaults, with one listener and no plugin.
  package static let defaults: Settings = {
    var settings = schema.defaults
    settings.listeners = [ListenerSettings.schema.defaults]
    return settings
  }()

  static let schema = Schema<Settings>(
    room: Settings(),
    [
      .init(
        "server.workers", .workerCount(1...1024), default: "1", \.server.workers,
        """
        The number of worker processes. "auto" starts one worker for each CPU in the server's CPU affinity, but no more \
        than the CPU quota of its control groups, rounded up.
        """),
      .init(
        "server.worker_model",
        .choice(), default: "async", \.server.workerModel,
        """
        How a worker serves connections: one at a time (sync) or many at once (gthread, async). See \
        outrider-deployment(7).
        """),
      .init(
        "server.threads", .integer(1...1024), default: "4", \.server.threads,
        """
        The number of threads in each worker that run blocking handlers. With more than one thread, a single HTTP/2 \
        connection uses at most all but one.
        """),
      .init(
        "server.worker_connections", .integer(1...1_000_000), default: "1000", \.server.workerConnections,
        """
        The maximum number of connections per worker. A full worker closes the connections that have been idle longest to \
        make room for new ones.
        """),
      .init(
        "server.queue", .integer(1...1_000_000), default: "64", \.server.queue,
        """
        The maximum number of requests in a worker that wait for a thread. At this limit the worker stops accepting \
        connections until there is room.
        """),
      .init(
        "server.backlog", .integer(1...65_535), default: "2048", \.server.backlog,
        """
        The maximum number of connections that the kernel queues for a listener until they are accepted. \
        net.core.somaxconn caps this value.
        """),
      .init(
        "server.tcp_keepalive", .duration(0...hour), default: "60s", \.server.tcpKeepalive,
        """
        The idle time after which the kernel probes a client. A client that does not answer is disconnected after half \
        that time again, or after timeouts.write if that is longer. 0 disables probing.
        """),
      .init(
        "server.boot_timeout", .duration(100 * ms...hour), default: "30s", \.server.bootTimeout,
        "The time limit for a new generation to become ready."),
      .init(
        "server.graceful_timeout", .duration(ms...24 * hour), default: "30s", \.server.gracefulTimeout,
        "The time that a stopping worker has to finish its requests before it is killed."),
      .init(
        "server.max_requests", .integer(0...1_000_000_000), default: "0", \.server.maxRequests,
        "The number of requests after which a worker is replaced. 0 disables this."),
      .init(
        "server.max_requests_jitter", .integer(0...1_000_000_000), default: "0", \.server.maxRequestsJitter,
        """
        The maximum random number added to max_requests for each worker, so that workers are not all replaced at the same \
        time.
        """),
      .init(
        "server.memory_limit", .size(0...tib), default: "0", \.server.memoryLimit,
        "The resident memory above which a worker is replaced. 0 means no limit."),
      .init(
        "server.restart_backoff", .duration(ms...30 * second), default: "100ms", \.server.restartBackoff,
        """
        The maximum delay before the first replacement of a crashed worker. While crashes continue, the delay doubles up \
        to 30s.
        """),
      .init(
        "server.user", .text("user", check: checkAccount), default: "\"\"", \.server.user,
        """
        The user, by name or number, that masters and workers switch to before they load plugins. They keep no \
        capabilities.
        """),
      .init(
        "server.group", .text("group", check: checkAccount), default: "\"\"", \.server.group,
        """
        The group, by name or number, that masters and workers switch to. Empty means the primary group of server.user.
        """),
      .init(
        "server.umask", .fileMode, default: "\"022\"", \.server.umask,
        "The umask for files that plugins create."),
      .init(
        "server.core_dumps", .boolean, default: "false", \.server.coreDumps,
        """
        Whether a crashed worker dumps core even if server.user is set, provided that RLIMIT_CORE allows it. Other \
        processes of that user can then read the worker's memory, including private keys.
        """),
      .init(
        "server.pidfile", .text("absolute path", check: checkPidFile), default: "\"\"", \.server.pidFile,
        """
        The file that holds the supervisor's process ID. The supervisor keeps it locked for writing while it runs. Empty \
        means no file.
        """),
      .init(
        "server.watch", .boolean, default: "false", \.server.watch,
        """
        Whether changes to the configuration file, to plugin files, and to .py files of applications in Python cause a \
        reload. For development. See outrider(8).
        """),

      .init(
        "timeouts.head", .duration(ms...hour), default: "10s", \.timeouts.head,
        "The time limit for a TLS handshake, and for a request head from its first byte to its end."),
      .init(
        "timeouts.body", .duration(ms...24 * hour), default: "30s", \.timeouts.body,
        "The maximum time between two reads of a request body."),
      .init(
        "timeouts.write", .duration(ms...24 * hour), default: "30s", \.timeouts.write,
        "The maximum time without progress while a response is sent."),
      .init(
        "timeouts.keepalive", .duration(ms...24 * hour), default: "5s", \.timeouts.keepalive,
        "The maximum time from the end of a response to the first byte of the next request."),
      .init(
        "timeouts.request", .duration(0...24 * hour), default: "0s", \.timeouts.request,
        """
        The time limit from the end of a request head to the end of the response. A request that exceeds it gets 504, or a \
        truncated response if the response has begun. 0 means no limit.
        """),
      .init(
        "timeouts.worker", .duration(0...24 * hour), default: "30s", \.timeouts.worker,
        """
        The time after which a worker that gives no sign of life, or whose threads are all busy, is killed. 0 disables \
        this.
        """),
      .init(
        "timeouts.shutdown_delay", .duration(0...hour), default: "0s", \.timeouts.shutdownDelay,
        """
        The time from SIGTERM, or outriderctl stop, until the server stops accepting connections. During this time \
        requests are served and /readyz returns 503, so that load balancers can take the server out of rotation.
        """),

      .init(
        "limits.request_line", .size(256...mib), default: "8KiB", \.limits.requestLine,
        "The maximum length of a request line."),
      .init(
        "limits.field_size", .size(256...mib), default: "8KiB", \.limits.fieldSize,
        "The maximum length of a field line: name, colon and value."),
      .init(
        "limits.fields", .integer(1...10_000), default: "100", \.limits.fields,
        "The maximum number of field lines in a request head, and in trailers."),
      .init(
        "limits.head", .size(kib...mib), default: "32KiB", \.limits.head,
        "The maximum size of a request head, including the request line, and of trailers."),
      .init(
        "limits.body", .size(0...1024 * tib), default: "1GiB", \.limits.body,
        "The maximum size of a request body. 0 refuses all request bodies."),
      .init(
        "limits.chunk_extension", .size(0...64 * kib), default: "1KiB", \.limits.chunkExtension,
        "The maximum total size of the chunk extensions in a message."),
      .init(
        "limits.drain", .size(0...16 * mib), default: "64KiB", \.limits.drain,
        """
        The maximum size of the unread rest of a request body that the server reads and discards so that it can reuse the \
        connection. If more may follow, the response carries Connection: close, and the server discards what follows for \
        up to 30s. A body that the handler is reading when the response begins is discarded to its end.
        """),
      .init(
        "limits.output", .size(16 * kib...64 * mib), default: "256KiB", \.limits.output,
        "The maximum number of bytes queued for a connection. A handler waits while half of this is queued."),
      .init(
        "limits.spool", .size(0...tib), default: "64MiB", \.limits.spool,
        """
        The maximum part of a response that is written to a temporary file, in TMPDIR or /var/tmp, so that a blocking \
        handler does not wait for a slow client. Spooled data is subject to timeouts.write, timeouts.request and \
        limits.min_rate. 0 disables spooling.
        """),
      .init(
        "limits.worker_spool", .size(0...tib), default: "1GiB", \.limits.workerSpool,
        "The maximum total size of spooled data in a worker."),
      .init(
        "limits.min_rate", .integer(0...1_000_000_000), default: "240", \.limits.minRate,
        """
        The minimum rate, in bytes per second, at which clients must send and receive, averaged over timeouts.body and \
        timeouts.write. 0 means no limit.
        """),

      .init(
        "http.underscore_fields", .choice(), default: "drop", \.http.underscoreFields,
        """
        What to do with request fields whose name contains an underscore: drop them, refuse the request, or pass them to \
        the plugin.
        """),
      .init(
        "http.abort_on_half_close", .boolean, default: "false", \.http.abortOnHalfClose,
        """
        Whether an HTTP/1 client that shuts down its sending side counts as disconnected. If true, event plugins get \
        DISCONNECT, and cancelled() reports the disconnection. If false, the client gets its response, and only a reset \
        cancels the request.
        """),

      .init(
        "http.server_header", .text("text", check: checkServerHeader), default: "outrider", \.http.serverHeader,
        "The value of the Server field in responses, unless a plugin sets one. Empty omits the field."),

      .init(
        "http2.max_concurrent_streams", .integer(1...10_000), default: "100", \.http2.maxConcurrentStreams,
        "The maximum number of concurrent requests on a connection."),
      .init(
        "http2.initial_window_size", .size(kib...16 * mib), default: "64KiB", \.http2.initialWindowSize,
        "The maximum amount of a request body that is buffered until the handler reads it."),
      .init(
        "http2.max_frame_size", .size(16 * kib...16 * mib - 1), default: "16KiB", \.http2.maxFrameSize,
        "The maximum size of a frame that a client may send."),
      .init(
        "http2.max_header_list_size", .size(kib...mib), default: "64KiB", \.http2.maxHeaderListSize,
        """
        The maximum size of a request head as HTTP/2 counts it. A larger head ends the connection. limits.head also \
        applies.
        """),
      .init(
        "http2.max_head_memory", .size(64 * kib...gib), default: "2MiB", \.http2.maxHeadMemory,
        """
        The maximum memory for the heads and trailers of all streams of a connection. The limit is at least 8 KiB for each \
        of max_concurrent_streams.
        """),
      .init(
        "http2.max_resets_per_second", .integer(1...1_000_000), default: "100", \.http2.maxResetsPerSecond,
        """
        The maximum number of streams per second that a client may reset, after a burst of ten times \
        max_concurrent_streams. Streams with a complete response do not count. The same limit, without the burst, applies \
        to streams that the server resets because of client errors. A client that exceeds a limit is disconnected.
        """),
      .init(
        "http2.max_settings_per_second", .integer(1...1_000_000), default: "100", \.http2.maxSettingsPerSecond,
        """
        The maximum number of SETTINGS frames per second on a connection. A client that exceeds it is disconnected.
        """),
      .init(
        "http2.max_pings_per_second", .integer(1...1_000_000), default: "100", \.http2.maxPingsPerSecond,
        """
        The maximum number of PING frames per second on a connection. A client that exceeds it is disconnected.
        """),
      .init(
        "http2.max_priorities_per_second", .integer(1...1_000_000), default: "100", \.http2.maxPrioritiesPerSecond,
        """
        The maximum number of PRIORITY frames, frames of unknown types and late frames per second on a connection. A frame \
        is late if its stream has ended, unless it may have been in flight at that moment. A client that exceeds the limit \
        is disconnected.
        """),
      .init(
        "http2.max_empty_frames_per_second", .integer(1...1_000_000), default: "100", \.http2.maxEmptyFramesPerSecond,
        """
        The maximum number of frames per second on a connection that are empty or contain only padding. A client that \
        exceeds it is disconnected.
        """),
      .init(
        "http2.max_window_updates_per_second", .integer(1...1_000_000), default: "100",
        \.http2.maxWindowUpdatesPerSecond,
        """
        The maximum number of WINDOW_UPDATE frames per second on a connection, not counting two for each stream opened and \
        one for each 512 bytes sent. A client that exceeds it is disconnected.
        """),

      .init(
        "websocket.enabled", .boolean, default: "true", \.webSocket.isEnabled,
        "Whether plugins may accept WebSockets."),
      .init(
        "websocket.origins", .allowedOrigins, default: #"["*"]"#, \.webSocket.origins,
        """
        The origins whose pages may open WebSockets: scheme, host, and the port unless it is the scheme's default one. A \
        handshake with another Origin gets 403 and does not reach the plugin. One without Origin, which no browser sends, is \
        not refused.
        """),
      .init(
        "websocket.max_message", .size(kib...gib), default: "1MiB", \.webSocket.maxMessage,
        "The maximum size of a message from a client. A larger one closes the WebSocket with 1009."),
      .init(
        "websocket.max_frame", .size(kib...gib), default: "1MiB", \.webSocket.maxFrame,
        "The maximum size of a frame from a client. A larger one closes the WebSocket with 1009."),
      .init(
        "websocket.compression", .boolean, default: "false", \.webSocket.compresses,
        """
        Whether permessage-deflate is negotiated with clients that offer it. It costs some 300 KiB of memory for each WebSocket \
        that uses it, and processor time.
        """),
      .init(
        "websocket.ping_interval", .duration(0...hour), default: "20s", \.webSocket.pingInterval,
        "The time without anything from the client after which the server sends a ping. 0 sends none."),
      .init(
        "websocket.ping_timeout", .duration(0...hour), default: "20s", \.webSocket.pingTimeout,
        "The maximum time for the answer to a ping, after which the client counts as gone. 0 means no limit."),
      .init(
        "websocket.idle_timeout", .duration(0...24 * hour), default: "0s", \.webSocket.idleTimeout,
        "The maximum time without a message from the client, after which the server closes the WebSocket with 1001. 0 means no limit."
      ),

      .init(
        "proxy.trusted", .trustedPeers, default: #"["127.0.0.1", "::1"]"#, \.proxy.trusted,
        """
        The peers whose X-Request-ID field and proxy.fields are trusted. "unix" stands for all peers on unix sockets.
        """),
      .init(
        "proxy.fields", .choices(orNone: true), default: #"["x-forwarded-for", "x-forwarded-proto"]"#, \.proxy.fields,
        """
        The fields that trusted proxies set in every request, regardless of what the client sends. Fields that are not \
        listed may come from the client and have no effect. Invalid values are ignored and counted.
        """),

      .init(
        "early_hints.enabled", .boolean, default: "true", \.earlyHints.enabled,
        "Whether the server sends 103 responses."),
      .init(
        "early_hints.http1", .choice(), default: "auto", \.earlyHints.http1,
        """
        Which clients get a 103 over HTTP/1: direct clients only (auto), clients behind a proxy as well (on), or none \
        (off).
        """),
      .init(
        "early_hints.audience", .choice(), default: "all", \.earlyHints.audience,
        """
        Which requests get a 103: all, or only those with Sec-Fetch-Mode: navigate, which browsers send when they load a \
        page.
        """),
      .init(
        "early_hints.max_per_request", .integer(1...1000), default: "5", \.earlyHints.maxPerRequest,
        "The maximum number of 103 responses per request. Go's client fails at the sixth."),
      .init(
        "early_hints.max_bytes", .size(256...mib), default: "8KiB", \.earlyHints.maxBytes,
        "The maximum size of the field section of a 103 response."),

      .init(
        "log.level", .choice(), default: "info", \.log.level, "The lowest severity of messages that are logged."),
      .init(
        "log.error", .text("\"stderr\", \"journal\" or an absolute path", check: checkLog), default: "stderr",
        \.log.error,
        """
        The destination of log messages and of the standard error of plugins. A file must not be a symbolic link; it is \
        reopened on SIGUSR1.
        """),
      .init(
        "log.access", .text("\"off\", \"stdout\", \"journal\" or an absolute path", check: checkAccessLog),
        default: "off",
        \.log.access,
        """
        The destination of the access log, which has one line per request. A file must not be a symbolic link; it is \
        reopened on SIGUSR1.
        """),
      .init(
        "log.access_format", .accessFormat, default: "combined", \.log.accessFormat,
        "The format of an access log line: the name of a format, or text with atoms such as %(h)s."),

      .init(
        "control.socket", .text("absolute path", check: checkControlSocket),
        default: .derived(
          "\"/run/outrider/control.sock\" with a configuration file; otherwise \"outrider-PID.sock\", with the supervisor's process ID, in $XDG_RUNTIME_DIR or else in /tmp"
        ), \.control.socket,
        """
        The unix socket for outriderctl, accessible only to the supervisor's user and root. Empty means no socket. If the \
        socket cannot be created, the server logs a warning and runs without it.
        """),

      .init(
        "metrics.bind", .metricsAddress, default: "\"\"", \.metrics.bind,
        """
        The address of /metrics, /healthz, /readyz and /status, open to every client that can connect. Empty disables \
        them.
        """),

      .init(
        "store.size", .size(0...tib), default: "8MiB", \.store.size,
        """
        The maximum memory of the store that plugins of all workers share, which takes it as it is filled. See \
        outrider_store(3). Reloads keep the store and its size; a change takes effect at a restart. The least is 512KiB. 0 \
        disables the store.
        """),

      .init(
        "debug.abi_checks", .boolean, default: "false", \.debug.abiChecks,
        """
        Whether a worker aborts with a backtrace at a plugin's first misuse of the ABI. Intended for plugin authors.
        """),
    ])

  /// All keys outside of arrays of tables, such as `timeouts.head`.
  package static var keyNames: [String] { schema.keys.map(\.name) }

  /// Constraints between keys. A constraint is not checked if one of its keys is already invalid.
  static let constraints: [Constraint] = [
    Constraint("limits.head", atLeast: "limits.request_line") { $0.limits.head >= $0.limits.requestLine },
    Constraint("limits.head", atLeast: "limits.field_size") { $0.limits.head >= $0.limits.fieldSize },
  ]

  struct Constraint: Sendable {
    let key: String
    let other: String
    let holds: @Sendable (Settings) -> Bool

    init(_ key: String, atLeast other: String, _ holds: @escaping @Sendable (Settings) -> Bool) {
      self.key = key
      self.other = other
      self.holds = holds
    }
  }
}

/// Accepts a possible name of a system user or group, or a number; empty for none.
func checkAccount(_ name: String) throws(ValueSyntaxError) {
  guard name.utf8.count <= 256, !name.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: ":") }) else {
    throw ValueSyntaxError(reason: "\(QuotedText.shown(name)) is not the name of a user or group")
  }
}

/// Accepts a field value that is short enough for every response (RFC 9110 section 5.5).
private func checkServerHeader(_ text: String) throws(ValueSyntaxError) {
  let space: Set<UInt8> = [0x20, 0x09]
  let isValue = text.utf8.allSatisfy { $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }
  guard text.utf8.count <= 128, isValue, !text.utf8.prefix(1).contains(where: space.contains),
    !text.utf8.suffix(1).contains(where: space.contains)
  else {
    throw ValueSyntaxError(
      reason: "expected at most 128 bytes, without control characters and without space at either end")
  }
}

private func checkLog(_ place: String) throws(ValueSyntaxError) {
  if place != "stderr", place != Settings.Log.journal { try checkAbsolute(place) }
}

private func checkAccessLog(_ place: String) throws(ValueSyntaxError) {
  if !["off", "stdout", "journal"].contains(place) { try checkAbsolute(place) }
}

private func checkPidFile(_ path: String) throws(ValueSyntaxError) {
  if !path.isEmpty { try checkAbsolute(path) }
}

/// Accepts an absolute path that fits into a message to the supervisor.
private func checkAbsolute(_ path: String) throws(ValueSyntaxError) {
  guard path.utf8.first == UInt8(ascii: "/") else {
    throw ValueSyntaxError(reason: "\(QuotedText.shown(path)) is not an absolute path")
  }
  guard path.utf8.count <= 2048, !path.utf8.contains(0) else {
    throw ValueSyntaxError(reason: "the path must have at most 2048 bytes and no NUL")
  }
}

/// Accepts an absolute path that fits into a socket's address; empty for none.
private func checkControlSocket(_ path: String) throws(ValueSyntaxError) {
  if !path.isEmpty { _ = try BindAddress("unix:\(path)") }
}
