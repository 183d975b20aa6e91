// The schema: every key of the configuration file, once. Parsing, defaults, checks, suggestions, the dump and the
// tables of outrider.toml(5) all come from here. A new key is one entry here and one stored property in `Settings`.

private let ms: Nanoseconds = 1_000_000
private let second: Nanoseconds = 1_000_000_000
private let hour: Nanoseconds = 3_600_000_000_000
private let kib = 1 << 10
private let mib = 1 << 20
private let gib = 1 << 30
private let tib = 1 << 40

extension Settings {
  /// Every default; one listener, no plugin.
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
        "The number of worker processes; \"auto\" is one for each core."),
      .init(
        "server.worker_model",
        .choice(), default: "async", \.server.workerModel,
        "How a worker serves: one connection at a time (sync), or many; gthread lends one to a blocking handler's thread."
      ),
      .init(
        "server.threads", .integer(1...1024), default: "4", \.server.threads,
        "The threads of a worker that run blocking handlers; one HTTP/2 connection holds at most all but one."),
      .init(
        "server.worker_connections", .integer(1...1_000_000), default: "1000", \.server.workerConnections,
        "The most connections that a worker holds at once; when it is full, the longest idle ones close for new ones."),
      .init(
        "server.queue", .integer(1...1_000_000), default: "64", \.server.queue,
        "The complete requests that wait for a thread of a worker; when there are as many, accepting pauses."),
      .init(
        "server.backlog", .integer(1...65_535), default: "2048", \.server.backlog,
        "The connections that the kernel holds for a listener until they are accepted; net.core.somaxconn bounds it."),
      .init(
        "server.tcp_keepalive", .duration(0...hour), default: "60s", \.server.tcpKeepalive,
        """
        Idle time before the kernel probes a client; one that does not answer is closed half as long after, or after \
        timeouts.write if that is longer. 0 disables it.
        """
      ),
      .init(
        "server.boot_timeout", .duration(100 * ms...hour), default: "30s", \.server.bootTimeout,
        "The time in which a generation has to be ready."),
      .init(
        "server.graceful_timeout", .duration(ms...24 * hour), default: "30s", \.server.gracefulTimeout,
        "The time that requests get to finish when a worker is to end, before it is killed."),
      .init(
        "server.max_requests", .integer(0...1_000_000_000), default: "0", \.server.maxRequests,
        "The requests after which a worker is replaced; 0 is never."),
      .init(
        "server.max_requests_jitter", .integer(0...1_000_000_000), default: "0", \.server.maxRequestsJitter,
        "The most by which chance raises max_requests for each worker, so that they are not replaced together."),
      .init(
        "server.memory_limit", .size(0...tib), default: "0", \.server.memoryLimit,
        "The resident memory of a worker beyond which it is replaced; 0 is no limit."),
      .init(
        "server.restart_backoff", .duration(ms...30 * second), default: "100ms", \.server.restartBackoff,
        "The time within which a worker that crashed is first replaced; it doubles to 30s while crashes go on."),
      .init(
        "server.user", .text("user", check: checkAccount), default: "\"\"", \.server.user,
        "The user, by name or number, that masters and workers become before any plugin is loaded, without capabilities."
      ),
      .init(
        "server.group", .text("group", check: checkAccount), default: "\"\"", \.server.group,
        "The group, by name or number, that goes with it; without it the user's own."),
      .init(
        "server.umask", .fileMode, default: "\"022\"", \.server.umask,
        "The permissions that files made by plugins do not get."),
      .init(
        "server.core_dumps", .boolean, default: "false", \.server.coreDumps,
        """
        Whether a worker that crashes leaves a core with server.user too, where RLIMIT_CORE lets it; other processes of that \
        user can read its memory then, keys of certificates included.
        """),
      .init(
        "server.pidfile", .text("absolute path", check: checkPidFile), default: "\"\"", \.server.pidFile,
        "The file that holds the supervisor's process id, locked for writing as long as it runs; without it there is none."
      ),

      .init(
        "timeouts.head", .duration(ms...hour), default: "10s", \.timeouts.head,
        "From the first byte of a request, or the start of the handshake, to the end of its head."),
      .init(
        "timeouts.body", .duration(ms...24 * hour), default: "30s", \.timeouts.body,
        "Between two reads of a request's body."),
      .init(
        "timeouts.write", .duration(ms...24 * hour), default: "30s", \.timeouts.write,
        "Without progress in sending a response."),
      .init(
        "timeouts.keepalive", .duration(ms...24 * hour), default: "5s", \.timeouts.keepalive,
        "From the end of a response to the first byte of the next request."),
      .init(
        "timeouts.request", .duration(0...24 * hour), default: "0s", \.timeouts.request,
        "From the end of a request's head to the end of its answer; then 504, or the answer is cut off; 0 is no limit."),
      .init(
        "timeouts.worker", .duration(0...24 * hour), default: "30s", \.timeouts.worker,
        "Without a sign of life from a worker's loop, or while all its threads are busy; then it is killed. 0 is never."
      ),

      .init(
        "limits.request_line", .size(256...mib), default: "8KiB", \.limits.requestLine,
        "The longest request line."),
      .init(
        "limits.field_size", .size(256...mib), default: "8KiB", \.limits.fieldSize,
        "The longest field line: name, colon and value."),
      .init(
        "limits.fields", .integer(1...10_000), default: "100", \.limits.fields,
        "The most field lines of a head; trailers count likewise."),
      .init(
        "limits.head", .size(kib...mib), default: "32KiB", \.limits.head,
        "The largest head, request line and all; trailers count likewise."),
      .init(
        "limits.body", .size(0...1024 * tib), default: "1GiB", \.limits.body,
        "The largest body of a request; 0 is none at all."),
      .init(
        "limits.chunk_extension", .size(0...64 * kib), default: "1KiB", \.limits.chunkExtension,
        "The most bytes of chunk extensions in a message."),
      .init(
        "limits.drain", .size(0...16 * mib), default: "64KiB", \.limits.drain,
        "The most bytes of an unread body that are read away so that its connection can be used again."),
      .init(
        "limits.output", .size(16 * kib...64 * mib), default: "256KiB", \.limits.output,
        "The most bytes queued for a connection; at half of it the handler waits."),
      .init(
        "limits.spool", .size(0...tib), default: "64MiB", \.limits.spool,
        """
        The most bytes of a response that go to a temporary file, in TMPDIR or /var/tmp, when its client does not take them, so \
        that a blocking handler need not wait; 0 is none.
        """),
      .init(
        "limits.worker_spool", .size(0...tib), default: "1GiB", \.limits.workerSpool,
        "Likewise of all responses of a worker together."),
      .init(
        "limits.min_rate", .integer(0...1_000_000_000), default: "240", \.limits.minRate,
        "The least bytes a second that a client sends or takes, averaged over the timeout; 0 is no limit."),

      .init(
        "http.underscore_fields", .choice(), default: "drop", \.http.underscoreFields,
        "What becomes of request fields with an underscore in their name: dropped, the request refused, passed on."),

      .init(
        "http2.max_concurrent_streams", .integer(1...10_000), default: "100", \.http2.maxConcurrentStreams,
        "The most requests at once on a connection."),
      .init(
        "http2.initial_window_size", .size(kib...16 * mib), default: "64KiB", \.http2.initialWindowSize,
        "The most of a request's body that is held for a handler that has not read it."),
      .init(
        "http2.max_frame_size", .size(16 * kib...16 * mib - 1), default: "16KiB", \.http2.maxFrameSize,
        "The largest frame that a client may send."),
      .init(
        "http2.max_header_list_size", .size(kib...mib), default: "64KiB", \.http2.maxHeaderListSize,
        "The largest head as HTTP/2 counts it; a larger one ends the connection. limits.head counts besides."),
      .init(
        "http2.max_head_memory", .size(64 * kib...gib), default: "2MiB", \.http2.maxHeadMemory,
        """
        The most memory that heads and trailers of a connection's streams take together; 8 KiB for each of \
        max_concurrent_streams if that is more.
        """),
      .init(
        "http2.max_resets_per_second", .integer(1...1_000_000), default: "100", \.http2.maxResetsPerSecond,
        "The most streams that a client may reset in a second, or have reset for errors; more end its connection."),
      .init(
        "http2.max_settings_per_second", .integer(1...1_000_000), default: "100", \.http2.maxSettingsPerSecond,
        "The most SETTINGS frames of a connection in a second; more end it."),
      .init(
        "http2.max_pings_per_second", .integer(1...1_000_000), default: "100", \.http2.maxPingsPerSecond,
        "The most PING frames of a connection in a second; more end it."),
      .init(
        "http2.max_priorities_per_second", .integer(1...1_000_000), default: "100", \.http2.maxPrioritiesPerSecond,
        "The most PRIORITY and unknown frames of a connection in a second; more end it."),
      .init(
        "http2.max_empty_frames_per_second", .integer(1...1_000_000), default: "100", \.http2.maxEmptyFramesPerSecond,
        "The most frames of a connection in a second that carry nothing; more end it."),
      .init(
        "http2.max_window_updates_per_second", .integer(1...1_000_000), default: "100",
        \.http2.maxWindowUpdatesPerSecond,
        "The most WINDOW_UPDATE frames of a connection in a second, besides one for each 512 bytes sent."),

      .init(
        "proxy.trusted", .trustedPeers, default: #"["127.0.0.1", "::1"]"#, \.proxy.trusted,
        "The peers whose X-Forwarded-*, Forwarded and X-Request-ID count; \"unix\" is those of unix sockets."),

      .init(
        "early_hints.enabled", .boolean, default: "true", \.earlyHints.enabled,
        "Whether 103 responses are sent at all."),
      .init(
        "early_hints.http1", .choice(), default: "auto", \.earlyHints.http1,
        "Over HTTP/1: to clients that come directly (auto), to those behind a proxy too (on), or to none (off)."),
      .init(
        "early_hints.max_per_request", .integer(1...1000), default: "8", \.earlyHints.maxPerRequest,
        "The most 103 responses to one request."),
      .init(
        "early_hints.max_bytes", .size(256...mib), default: "8KiB", \.earlyHints.maxBytes,
        "The largest block of fields of a 103 response."),

      .init("log.level", .choice(), default: "info", \.log.level, "The least severe messages that are logged."),
      .init(
        "log.error", .text("\"stderr\", \"journal\" or an absolute path", check: checkLog), default: "stderr",
        \.log.error,
        "Where messages go, and what plugins write to standard error; a file, never a link to one, is opened anew at SIGUSR1."
      ),
      .init(
        "log.access", .text("\"off\", \"stdout\", \"journal\" or an absolute path", check: checkAccessLog),
        default: "off",
        \.log.access,
        "Where a line goes for each request that has ended; a file, never a link to one, is opened anew at SIGUSR1."),
      .init(
        "log.access_format", .accessFormat, default: "combined", \.log.accessFormat,
        "What such a line looks like; a format of one's own has atoms such as %(h)s."),

      .init(
        "control.socket", .text("absolute path", check: checkControlSocket),
        default: .derived("\"/run/outrider/control.sock\" with a configuration file, none without"), \.control.socket,
        "The unix socket of outriderctl, for the supervisor's user and root alone; if it can't be made there is a warning."
      ),

      .init(
        "metrics.bind", .metricsAddress, default: "\"\"", \.metrics.bind,
        "Where /metrics, /healthz, /readyz and /status are served, to anybody who can connect; empty is nowhere."),

      .init(
        "debug.abi_checks", .boolean, default: "false", \.debug.abiChecks,
        "Whether a worker aborts, with a backtrace, at a plugin's first misuse of the ABI: for plugin authors."),
    ])

  /// What has to hold between keys: each is checked unless one of its keys has a fault already.
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

/// A name that the system could have, or a number; empty for none.
private func checkAccount(_ name: String) throws(Refusal) {
  guard name.utf8.count <= 256, !name.utf8.contains(where: { $0 <= 0x20 || $0 == UInt8(ascii: ":") }) else {
    throw Refusal(reason: "\(QuotedText.shown(name)) is not the name of a user or group")
  }
}

private func checkLog(_ place: String) throws(Refusal) {
  if place != "stderr", place != Settings.Log.journal { try checkAbsolute(place) }
}

private func checkAccessLog(_ place: String) throws(Refusal) {
  if !["off", "stdout", "journal"].contains(place) { try checkAbsolute(place) }
}

private func checkPidFile(_ path: String) throws(Refusal) {
  if !path.isEmpty { try checkAbsolute(path) }
}

/// Absolute, and short enough for a line to the supervisor.
private func checkAbsolute(_ path: String) throws(Refusal) {
  guard path.utf8.first == UInt8(ascii: "/") else {
    throw Refusal(reason: "\(QuotedText.shown(path)) is not an absolute path")
  }
  guard path.utf8.count <= 2048, !path.utf8.contains(0) else {
    throw Refusal(reason: "the path has at most 2048 bytes, and no NUL")
  }
}

/// Absolute, and short enough for a socket's address; empty for none.
private func checkControlSocket(_ path: String) throws(Refusal) {
  if !path.isEmpty { _ = try BindAddress("unix:\(path)") }
}

extension ListenerSettings {
  static let schema = Schema<ListenerSettings>(
    room: ListenerSettings(),
    [
      .init(
        "listener.bind", .bindAddress, default: "127.0.0.1:8000", \.bind,
        "Where to listen; port 0 lets the kernel choose, systemd:NAME is all sockets that are passed under that name."),
      .init(
        "listener.mode", .fileMode, default: "\"0660\"", \.mode,
        "The permissions of a unix socket: who can write to it can connect."),
      .init(
        "listener.owner", .text("user", check: checkAccount), default: "\"\"", \.owner,
        "The owner of a unix socket, by name or number; without it the user who starts the server."),
      .init(
        "listener.group", .text("group", check: checkAccount), default: "\"\"", \.group,
        "The group of a unix socket, by name or number; without it that of the user who starts the server."),
      .init(
        "listener.h2c", .boolean, default: "false", \.h2c,
        "Whether clients that know of it beforehand may speak HTTP/2 without TLS."),
      .init(
        "listener.early_hints", .choice(), default: "auto", \.earlyHints,
        "Over early_hints.http1 for this listener; \"auto\" leaves it to that."),
      .init(
        "listener.proxy_protocol", .choice(), default: "off", \.proxyProtocol,
        "Whether connections begin with a PROXY header; then a peer outside proxy.trusted is refused."),
      .init(
        "listener.protocols", .choices(), default: #"["h2", "http/1.1"]"#, \.protocols,
        "What clients of a TLS listener choose from by ALPN, best first; sync leaves out h2."),

      .init(
        "listener.tls.certificate", .text("path", check: TLSSettings.checkCertificatePath),
        default: .derived("none: without it the listener is in cleartext"), \.tls.certificate,
        "The certificate and the chain behind it, PEM; a relative path starts from the directory of this file."),
      .init(
        "listener.tls.key", .text("path", check: TLSSettings.checkCertificatePath),
        default: .derived("none: it comes with the certificate"), \.tls.key,
        "The certificate's private key, PEM, without a passphrase."),
      .init(
        "listener.tls.client_ca", .text("path", check: TLSSettings.checkOptionalPath), default: "", \.tls.clientCA,
        "The authorities of client certificates, PEM; empty is none."),
      .init(
        "listener.tls.client_auth", .choice(), default: "none", \.tls.clientAuth,
        "Whether clients may, or have to, show a certificate; one that is shown has to verify."),
      .init(
        "listener.tls.min_version", .choice(), default: #""1.2""#, \.tls.minVersion,
        "The oldest version of TLS that is spoken."),
      .init(
        "listener.tls.ciphers", .text("OpenSSL cipher list"), default: "", \.tls.ciphers,
        "The ciphers of TLS 1.2; empty is the library's default."),
    ])
}

extension ServerNameSettings {
  static let table = "listener.tls.sni"

  static let schema = Schema<ServerNameSettings>(
    room: ServerNameSettings(),
    [
      .init(
        "\(table).names", .hostNames, default: .required, \.names,
        "The names that this certificate is for; *.example.org stands for one label more."),
      .init(
        "\(table).certificate", .text("path", check: TLSSettings.checkCertificatePath), default: .required,
        \.certificate, "As listener.tls.certificate."),
      .init(
        "\(table).key", .text("path", check: TLSSettings.checkCertificatePath), default: .required, \.key,
        "As listener.tls.key."),
    ])
}

extension PluginSettings {
  static let schema = Schema<PluginSettings>(
    room: PluginSettings(),
    [
      .init(
        "plugin.name", .text("1 to 64 letters, digits, \"-\", \"_\", \".\"", check: checkName),
        default: .derived("the file's name without lib and .so"), \.name,
        "What logs and metrics call the plugin; no two have the same."),
      .init(
        "plugin.path", .text("path", check: checkPath), default: .required, \.path,
        "The shared object; a relative path starts from the directory of this file."),
      .init(
        "plugin.mount", .text("path", check: checkMount), default: "/", \.mount,
        "The decoded path under which it gets requests, by whole segments; the longest mount wins."),
      .init(
        "plugin.load", .choice(), default: "master", \.load,
        "Where it is loaded: once before workers are forked, or in each worker, for runtimes that start threads then."),
      .init(
        "plugin.max_fails", .integer(0...1_000_000), default: "3", \.maxFails,
        """
        How many workers it may crash in a row, each ten seconds without a crash making up for one, before its requests \
        get 503 for a while: at first for server.restart_backoff, then up to 30s, while other plugins go on; 0 for any \
        number.
        """),
      .init(
        "plugin.config", .freeTable, default: .derived("empty"), \.config,
        "Whatever the plugin takes: handed to its load()."),
    ])
}

/// A key as the manual tells of it.
package struct KeyDocumentation: Sendable, Hashable {
  /// Dotted, such as `timeouts.head`.
  package let name: String
  /// What its table begins with in the file, such as `[timeouts]` or `[[listener]]`.
  package let table: String
  /// Its name in that table, such as `head`.
  package let leaf: String
  /// Such as `duration from 1ms to 1h`.
  package let form: String
  /// As TOML, or in words; nil for a key that has to be there.
  package let defaultValue: String?
  package let documentation: String

  /// Every key there is.
  package static var all: [KeyDocumentation] {
    all(of: Settings.schema) + all(of: ListenerSettings.schema, repeated: "listener")
      + all(of: ServerNameSettings.schema, repeated: ServerNameSettings.table)
      + all(of: PluginSettings.schema, repeated: "plugin")
  }

  /// - Parameter repeated: the one of its tables that a file may have many of.
  private static func all<Root>(of schema: Schema<Root>, repeated: String? = nil) -> [KeyDocumentation] {
    schema.keys.map { key in
      let defaultValue: String? =
        switch key.defaultValue {
        case .value: key.text(schema.defaults)
        case .derived(let words): words
        case .required: nil
        }
      return KeyDocumentation(
        name: key.name, table: key.table == repeated ? "[[\(key.table)]]" : "[\(key.table)]", leaf: key.leaf,
        form: key.summary, defaultValue: defaultValue, documentation: key.documentation)
    }
  }
}
