import Glibc
import Logging
import Platform

// USR2: the supervisor's program is replaced in place. Its pid, children, sockets and lines stay; what it knows goes to
// the successor as text in an anonymous file, whose number is in the environment.
//
// Once exec has succeeded there is no way back. So the new program first has to say its version, in a child, and that it
// understands what is left to it: any other program would end the service, and well at that.

extension Supervisor {
  /// Where the successor finds the state.
  private static let stateVariable = "OUTRIDER_STATE"
  private static let longestState = 1 << 24
  /// How long the new program has to say its version.
  private static let probeTime = 10 * Clock.nanosecondsPerSecond

  /// Tries the program on disk; the rest follows when it has ended well.
  mutating func beginReplacement() {
    guard aim == .serve, probe == nil else { return }
    guard state.starting == nil else {
      replacementIsWanted = true
      return
    }
    replacementIsWanted = false
    do throws(Errno) {
      probe = try program.probe(deadline: Clock.monotonic() &+ Supervisor.probeTime)
    } catch {
      log.error("the supervisor is not replaced: \(error)")
    }
  }

  mutating func probeEnded(_ ending: Process.Ending) {
    guard let probe else { return }
    self.probe = nil
    // Whoever has been told to end does not begin anew.
    guard aim == .serve, exitCode == nil else { return }
    if let objection = objection(to: probe, ending) {
      log.error("the supervisor is not replaced: \(program.path) --version: \(objection)")
      return
    }
    guard state.starting == nil else {
      replacementIsWanted = true
      return
    }
    do throws(Errno) {
      try replace()
    } catch {
      log.error("the supervisor is not replaced: \(error)")
    }
  }

  /// Why the program that was tried can't take over; nil if it can.
  private func objection(to probe: Probe, _ ending: Process.Ending) -> String? {
    if probe.isLate {
      return "it has not ended within \(Supervisor.probeTime / Clock.nanosecondsPerSecond) s"
    }
    guard ending == .exited(ExitCode.ok.rawValue) else { return "it \(ending)" }
    return ProgramVersion(probe.text).objection
  }

  /// Returns only to throw, with all as it was.
  private mutating func replace() throws(Errno) -> Never {
    let text = Array(savedState.utf8)
    // The successor would not read it, and there is no way back from that.
    guard text.count <= Supervisor.longestState else {
      throw Errno(code: E2BIG, attempt: "its state has \(text.count) bytes, of \(Supervisor.longestState) at most")
    }
    let file = try MemoryFile.make(name: "outrider-state", contents: text)
    let lines = state.generations.flatMap { $0.channel?.descriptors ?? [] }
    let scoreboards = state.generations.compactMap { $0.scoreboard?.board.raw }
    var inherited = [file.raw, program.standardErrorNumber].filter { $0 > 2 } + store.descriptors + lines + scoreboards
    if let fd = pidFile?.raw { inherited.append(fd) }
    inherited += [metrics?.raw, control?.raw].compactMap { $0 }
    for fd in inherited { Process.keepAcrossExec(fd) }
    Process.setEnvironment(Supervisor.stateVariable, "\(file.raw)")
    defer {
      for fd in inherited { Process.closeOnExec(fd) }
      Process.setEnvironment(Supervisor.stateVariable, nil)
    }
    try Process.execute(program.path, arguments: program.arguments)
  }

  // MARK: The state as text

  private var savedState: String {
    var text = StateText.line(["program", "\(program.standardErrorNumber)"], text: program.path)
    text += StateText.line(["log-level", log.logLevel.rawValue])
    let setup = unsafe Signals.setup
    text += StateText.line(["signals", "\(setup.blocked)", "\(setup.ignored)"])
    if let errorLog { text += StateText.line(["error-log"], text: errorLog) }
    text += StateText.line(["count", "\(state.generationCount)"])
    text += StateText.line(["scale", "\(state.scale)"])
    text += StateText.line(["restart-at", "\(restartAt)"])
    text += StateText.line(["reload-wanted", reloadIsWanted ? "1" : "0"])
    text += StateText.line(["restarts"] + ServiceState.Restarts.Cause.allCases.map { "\(state.restarts[$0])" })
    text += StateText.line(["reloads", "\(state.reloads.succeeded)", "\(state.reloads.failed)"])
    let totals = state.pastTotals.savedLines
    text += "totals \(totals[0])\n" + totals.dropFirst().reduce("") { $0 + "plugin-totals \($1)\n" }
    if let door = metrics?.savedLine("metrics") { text += door }
    if let door = control?.savedLine("control") { text += door }
    if let keys = state.ticketKeys { text += StateText.line(["ticket-keys"], text: keys) }
    if let reload = state.lastReload {
      text += StateText.line(
        ["reload", "\(reload.generation)", "\(reload.endedAt)", "\(reload.duration)"], text: reload.failure ?? "")
    }
    for generation in state.generations {
      text += generation.savedLine(scale: state.scale)
      if let board = generation.scoreboard { text += SavedLayout(generation.number, board.board.layout).line }
      text += generation.savedDetails
    }
    switch pidFile {
    case .some(let file): text += StateText.line(["pidfile", "\(file.raw)"], text: file.path)
    case .none: break
    }
    return text + store.savedLines
  }

  /// The state that a predecessor has left to this process; nil if there is none.
  package static func inherited(arguments: [String]) throws(Errno) -> Supervisor? {
    guard let number = Process.environment(stateVariable), let fd = CInt(number), fd > 2 else { return nil }
    Process.setEnvironment(stateVariable, nil)
    let file = FileDescriptor(owning: fd)
    guard let bytes = MemoryFile.unsealedContents(of: file, limit: Supervisor.longestState) else {
      throw Errno(code: EPROTO, attempt: "\(stateVariable): descriptor \(fd) has no state of a former supervisor")
    }
    let lines = StateText.lines(bytes)
    guard let first = lines.first, first.starts(with: "program ".utf8) else {
      throw Errno(code: EPROTO, attempt: "\(stateVariable): the state of the former supervisor")
    }
    var record = StateText.Record(first)
    _ = record.word()
    // Those that this process has are the predecessor's.
    unsafe Signals.setup = Signals.Setup()
    let standardError = record.number(CInt.self)
    if standardError > 2 { Process.closeOnExec(standardError) }
    var supervisor = try Supervisor(
      executable: record.text(), arguments: arguments, isSuccessor: true,
      standardError: standardError > 2 ? FileDescriptor(owning: standardError) : nil)
    var layouts: [Int: SavedLayout] = [:]
    for line in lines {
      if let layout = SavedLayout(StateText.Record(line)) { layouts[layout.generation] = layout }
    }
    for line in lines.dropFirst() { try supervisor.restore(StateText.Record(line), layouts) }
    try supervisor.watchChannels()
    let count = supervisor.state.generations.count
    supervisor.log.info("the supervisor has been replaced, \(count) generation(s) taken over")
    return supervisor
  }

  /// No service counts further.
  private static let mostCounted = 1 << 53

  /// Hears all masters from now on.
  private func watchChannels() throws(Errno) {
    for generation in state.generations {
      guard let channel = generation.channel else { continue }
      try epoll.add(channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(generation.number))
    }
  }

  /// - Parameter layouts: of the scoreboards, by their generations.
  private mutating func restore(_ record: StateText.Record, _ layouts: [Int: SavedLayout]) throws(Errno) {
    let full = record
    var record = record
    switch record.word() {
    case "count": state.generationCount = record.number(in: 0...Generation.mostNumber)
    case "log-level": log.logLevel = Logger.Level(rawValue: record.word()) ?? log.logLevel
    case "signals":
      let (blocked, ignored) = (record.number(UInt64.self), record.number(UInt64.self))
      unsafe Signals.setup = Signals.Setup(blocked: blocked, ignored: ignored)
    case "error-log": errorLog = record.text()
    case "scale": state.scale = MasterLimits.clamped(scale: record.number())
    case "ticket-keys": state.ticketKeys = record.text()
    case "restart-at": restartAt = record.number()
    case "reload-wanted": reloadIsWanted = record.number(Int.self) == 1
    case "restarts":
      for cause in ServiceState.Restarts.Cause.allCases {
        state.restarts[cause] = record.number(in: 0...Supervisor.mostCounted)
      }
    case "reloads":
      state.reloads.succeeded = record.number(in: 0...Supervisor.mostCounted)
      state.reloads.failed = record.number(in: 0...Supervisor.mostCounted)
    case "totals": state.pastTotals.restore(record)
    case "plugin-totals": state.pastTotals.restore(plugin: record)
    case "metrics":
      metrics = Door(saved: record)
      watchDoors()
    case "control":
      control = Door(saved: record)
      watchDoors()
    case "worker", "plugin", "access-log", "configuration", "user", "reports", "names", "crew":
      // They follow the line of their generation.
      if let last = state.generations.indices.last { state.generations[last].takeSaved(full) }
    case "reload":
      let generation = record.number(in: 0...Generation.mostNumber)
      let endedAt = record.number(Int64.self)
      let duration = record.number(UInt64.self)
      let failure = record.text()
      state.lastReload = ServiceState.Reload(
        generation: generation, endedAt: endedAt, duration: duration, failure: failure.isEmpty ? nil : failure)
    case "generation":
      guard let generation = Generation(saved: record, layouts) else {
        throw Errno(
          code: EPROTO, attempt: "\(Supervisor.stateVariable): a generation whose master is no child of this process")
      }
      state.generations.append(generation)
    case "pidfile":
      let fd = record.number(CInt.self)
      guard fd > 2, (try? FileStatus(of: fd, ""))?.kind == S_IFREG else { return }
      Process.closeOnExec(fd)
      // Only a generation that serves has one.
      pidFile = PidFile(
        path: record.text(), user: state.serving?.settings.user, descriptor: FileDescriptor(owning: fd))
    case "listener": store.restore(record)
    default: break  // of another version
    }
  }
}

/// Where things stand in the scoreboard of a generation, as it was before any plugin ran: what the memory says of that later
/// is anybody's.
private struct SavedLayout {
  let generation: Int
  /// Nil if the program that made it counts otherwise.
  let layout: ScoreboardLayout?

  init(_ generation: Int, _ layout: ScoreboardLayout) {
    self.generation = generation
    self.layout = layout
  }

  /// Nil for a record of another kind.
  init?(_ record: StateText.Record) {
    var record = record
    guard record.word() == "layout" else { return nil }
    generation = record.number()
    let version = record.number(UInt64.self)
    let numbers = (0..<4).map { _ in record.number(Int.self) }
    layout =
      version == ScoreboardLayout.version
      ? ScoreboardLayout(slots: numbers[0], plugins: numbers[1], threads: numbers[2], refusals: numbers[3]) : nil
  }

  var line: String {
    guard let layout else { return "" }
    let numbers = [layout.slots, layout.plugins, layout.threads, layout.refusals]
    return StateText.line(["layout", "\(generation)", "\(ScoreboardLayout.version)"] + numbers.map(String.init))
  }
}

extension Generation {
  /// What people are told of it; it follows the line of the generation itself. The configuration of one that finishes, and
  /// what its plugins are, interests nobody any more, and is large.
  fileprivate var savedDetails: String {
    workers.reduce(into: "") { $0 += "worker \($1.text)\n" }
      + (stage == .serving ? plugins.reduce(into: "") { $0 += StateText.line(["plugin"], text: $1.text) } : "")
      + (settings.accessLog.map { StateText.line(["access-log"], text: $0) } ?? "")
      + (scoreboard.map { StateText.line(["names"], text: $0.board.pluginNames.joined(separator: " ")) } ?? "")
      + (settings.user.map { StateText.line(["user"], text: $0.text) } ?? "")
      + (settings.workers.map { StateText.line(["crew", "\($0)", "\(mostWorkers)"]) } ?? "")
      + (channel?.pipeRaw.map { StateText.line(["reports", "\($0)"]) } ?? "")
      + (stage == .serving ? StateText.line(["configuration"], text: configuration) : "")
  }

  fileprivate mutating func takeSaved(_ detail: StateText.Record) {
    var detail = detail
    switch detail.word() {
    case "worker": if let notice = WorkerNotice(text: detail.text()) { _ = take(notice) }
    case "plugin": if let notice = PluginNotice(text: detail.text()) { plugins.append(notice) }
    case "access-log": settings.accessLog = detail.text()
    case "names":
      let names = detail.text().utf8.split(separator: UInt8(ascii: " ")).map { String(decoding: $0, as: UTF8.self) }
      scoreboard = scoreboard.flatMap { $0.named(names) }
    case "user": settings.user = ServiceUser(text: detail.text())
    case "crew":
      settings.workers = detail.number(in: 1...MasterLimits.workers)
      mostWorkers = detail.number(in: 1...MasterLimits.slots)
    case "reports": channel = channel?.reporting(through: detail.number(CInt.self))
    default: configuration = detail.text()
    }
  }

  /// - Parameter scale: programs of earlier versions have it for each.
  fileprivate func savedLine(scale: Int) -> String {
    StateText.line(
      [
        "generation", "\(number)", "\(master)", "\(cause.rawValue)", "\(stage.rawValue)", "\(startedAt)", "\(deadline)",
        "\(channel?.socketRaw ?? -1)", "\(scoreboard?.board.raw ?? -1)", "\(settings.bootTimeout)",
        "\(settings.gracefulTimeout)", "\(settings.restartBackoff)", "\(settings.workerTimeout)", "\(scale)",
      ], text: settings.errorLog ?? "")
  }

  /// Numbers are part of an event's token.
  fileprivate static let mostNumber = 1 << 31

  /// Nil if its master is no child of this process: a signal would reach somebody else.
  fileprivate init?(saved: StateText.Record, _ layouts: [Int: SavedLayout]) {
    var record = saved
    number = record.number(in: 0...Generation.mostNumber)
    master = record.number()
    guard number > 0, Process.isChild(master) else { return nil }
    cause = Cause(rawValue: record.word()) ?? .start
    stage = Stage(rawValue: record.word()) ?? .serving
    startedAt = record.number()
    deadline = record.number()
    let fd = record.number(CInt.self)
    if fd > 2 {
      Process.closeOnExec(fd)
      channel = Channel.upper(socket: FileDescriptor(owning: fd), pipe: nil)
    }
    // One that starts is not handed over.
    talk = MasterTalk(isServing: true)
    hasServed = true
    let board = record.number(CInt.self)
    if board > 2 {
      Process.closeOnExec(board)
      let descriptor = FileDescriptor(owning: board)
      let saved = layouts[number]
      // An earlier program has left no layout; that of a later one may be another.
      if saved == nil || saved?.layout != nil { scoreboard = GenerationScoreboard(descriptor, layout: saved?.layout) }
    }
    settings = Settings(
      bootTimeout: record.number(), gracefulTimeout: record.number(), restartBackoff: record.number(),
      workerTimeout: record.number())
    _ = record.word()
    let errorLog = record.text()
    settings.errorLog = errorLog.isEmpty ? nil : errorLog
  }
}
