import Glibc
import IPC
import Platform

extension Generation {
  /// Numbers are part of epoll tokens.
  static let maxNumber = 1 << 31

  /// Configuration and plugin information of a draining generation are large and no longer needed.
  func save(to records: inout KeyedRecords) {
    records.append("generation", savedFields)
    for worker in workers { records.append("worker", worker.fields.of(number)) }
    guard stage.isAccepting else { return }
    for plugin in plugins { records.append("plugin", plugin.fields.of(number)) }
    for (plugin, end) in pauses.sorted(by: { $0.key < $1.key }) {
      records.append("pause", PluginPause(plugin: plugin, until: end).fields.of(number))
    }
  }

  private var savedFields: KeyedFields {
    var fields = KeyedFields("number", number)
    fields.set("master", master)
    fields.set("master_has_ended", hasEnded)
    fields.set("cause", cause.rawValue)
    fields.set("stage", stage.rawValue)
    fields.set("started_at", startedAt)
    fields.set("deadline", deadline)
    fields.set("channel", channel?.socketRaw)
    fields.set("reports", channel?.pipeRaw)
    fields.set("shutdown", shutdownPipe?.raw)
    fields.set("boot_timeout", settings.bootTimeout)
    fields.set("graceful_timeout", settings.gracefulTimeout)
    fields.set("restart_backoff", settings.restartBackoff)
    fields.set("worker_timeout", settings.workerTimeout)
    fields.set("shutdown_delay", settings.shutdownDelay)
    fields.set("error_log", settings.errorLog)
    fields.set("access_log", settings.accessLog)
    fields.set("user", settings.user?.text)
    fields.set("workers", settings.workers)
    fields.set("max_workers", maxWorkers)
    if let scoreboard {
      fields.set("scoreboard", scoreboard.board.raw)
      // The values from before any plugin ran: plugins can overwrite those in memory.
      scoreboard.board.layout.save(to: &fields)
      fields.set("plugin_names", scoreboard.board.pluginNames.joined(separator: " "))
    }
    if stage.isAccepting { fields.set("configuration", configuration) }
    return fields
  }

  /// Nil if its master is not a child of this process: a signal would reach another process.
  init?(_ fields: KeyedFields, _ records: KeyedRecords) {
    let hasEnded = fields.flag("master_has_ended")
    guard let number = fields.number("number", in: 1...Generation.maxNumber),
      let master = fields.number("master", in: 1...pid_t.max), hasEnded || Process.isChild(master),
      let stage = fields["stage"].flatMap({ Stage(rawValue: $0) }), stage != .starting
    else { return nil }
    self.init(
      number: number, master: master, cause: fields["cause"].flatMap { Cause(rawValue: $0) } ?? .start,
      startedAt: fields.number("started_at") ?? 0, settings: Settings())
    self.hasEnded = hasEnded
    self.stage = stage
    deadline = fields.number("deadline") ?? .max
    // A starting generation is never handed over.
    masterProtocol = MasterProtocol(isServing: true)
    hasServed = true
    if let socket = fields.descriptor("channel") {
      channel = Channel.upper(socket: socket, pipe: fields.descriptor("reports"))
    }
    if let pipe = fields.number("shutdown", in: 3...CInt.max), (try? FileStatus(of: pipe, ""))?.kind == S_IFIFO,
      let descriptor = fields.descriptor("shutdown")
    {
      shutdownPipe = ShutdownPipe(owning: descriptor)
    }
    restoreSettings(fields)
    if let descriptor = fields.descriptor("scoreboard"), let layout = ScoreboardLayout(fields) {
      let names = (fields["plugin_names"] ?? "").utf8.split(separator: UInt8(ascii: " "))
      scoreboard = GenerationScoreboard(
        descriptor, layout: layout, names: names.map { String(decoding: $0, as: UTF8.self) })
    }
    configuration = fields["configuration"] ?? ""
    for fields in records.of("worker") where fields.isOf(number) {
      if let status = WorkerStatus(fields) { _ = apply(status) }
    }
    plugins = records.of("plugin").filter { $0.isOf(number) }.compactMap { PluginInfo($0) }
    for fields in records.of("pause") where fields.isOf(number) {
      if let pause = PluginPause(fields) { _ = apply(pause) }
    }
  }

  private mutating func restoreSettings(_ fields: KeyedFields) {
    func duration(_ key: String) -> UInt64? { fields.number(key, in: 0...Settings.maxDuration) }
    settings.bootTimeout = duration("boot_timeout") ?? settings.bootTimeout
    settings.gracefulTimeout = duration("graceful_timeout") ?? settings.gracefulTimeout
    settings.restartBackoff = duration("restart_backoff") ?? settings.restartBackoff
    settings.workerTimeout = duration("worker_timeout") ?? settings.workerTimeout
    settings.shutdownDelay = duration("shutdown_delay") ?? 0
    settings.errorLog = fields["error_log"]
    settings.accessLog = fields["access_log"]
    settings.user = fields["user"].flatMap { ServiceUser(text: $0) }
    settings.workers = fields.number("workers", in: 1...MasterLimits.workers)
    maxWorkers = fields.number("max_workers", in: 1...MasterLimits.slots) ?? MasterLimits.workers
  }
}

extension KeyedFields {
  /// The fields with the number of the generation that they belong to.
  fileprivate func of(_ generation: Int) -> KeyedFields {
    var fields = self
    fields.set("generation", generation)
    return fields
  }

  fileprivate func isOf(_ generation: Int) -> Bool { number("generation") == generation }
}

extension ScoreboardLayout {
  fileprivate func save(to fields: inout KeyedFields) {
    fields.set("layout.version", ScoreboardLayout.version)
    fields.set("layout.slots", slots)
    fields.set("layout.plugins", plugins)
    fields.set("layout.threads", threads)
    fields.set("layout.refusals", refusals)
  }

  /// Nil if it has another version: the supervisor then has no information about the workers.
  fileprivate init?(_ fields: KeyedFields) {
    guard fields.number("layout.version") == ScoreboardLayout.version, let slots: Int = fields.number("layout.slots"),
      let plugins: Int = fields.number("layout.plugins"), let threads: Int = fields.number("layout.threads"),
      let refusals: Int = fields.number("layout.refusals")
    else { return nil }
    self.init(slots: slots, plugins: plugins, threads: threads, refusals: refusals)
  }
}
