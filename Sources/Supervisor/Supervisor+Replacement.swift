import Glibc
import Logging
import Platform

// USR2: the supervisor's program is replaced in place. Its pid, children, sockets and lines stay; what it knows goes to
// the successor as text in an anonymous file, whose number is in the environment.
//
// Once exec has succeeded there is no way back. So the new program first has to say its version, in a child.

extension Supervisor {
  /// Where the successor finds the state.
  private static let stateVariable = "OUTRIDER_STATE"
  /// How long the new program has to say its version.
  private static let probeTime = 10 * Clock.nanosecondsPerSecond

  /// A try of the program file on disk.
  struct Probe {
    let pid: pid_t
    let deadline: UInt64
  }

  /// Tries the program on disk; the rest follows when it has ended well.
  mutating func beginReplacement() {
    guard aim == .serve, probe == nil else { return }
    guard state.starting == nil else {
      replacementIsWanted = true
      return
    }
    replacementIsWanted = false
    do throws(Errno) {
      probe = Probe(pid: try program.probe(), deadline: Clock.monotonic() &+ Supervisor.probeTime)
    } catch {
      log.error("the supervisor is not replaced: \(error)")
    }
  }

  mutating func probeEnded(_ ending: Process.Ending) {
    probe = nil
    guard ending == .exited(ExitCode.ok.rawValue) else {
      log.error("the supervisor is not replaced: \(program.path) --version \(ending)")
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

  /// Returns only to throw, with all as it was.
  private mutating func replace() throws(Errno) -> Never {
    let file = try MemoryFile.make(name: "outrider-state", contents: Array(savedState.utf8))
    let lines = state.generations.compactMap { $0.channel?.raw }
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
    switch pidFile {
    case .some(let file): text += StateText.line(["pidfile", "\(file.raw)"], text: file.path)
    case .none: break
    }
    for generation in state.generations { text += generation.savedLine + generation.savedDetails }
    return text + store.savedLines
  }

  /// The state that a predecessor has left to this process; nil if there is none.
  package static func inherited(arguments: [String]) throws(Errno) -> Supervisor? {
    guard let number = Process.environment(stateVariable), let fd = CInt(number), fd > 2 else { return nil }
    Process.setEnvironment(stateVariable, nil)
    let lines = try stateText(in: FileDescriptor(owning: fd)).split(separator: "\n")
    guard let first = lines.first, first.hasPrefix("program ") else {
      throw Errno(code: EPROTO, attempt: "the state of the former supervisor")
    }
    var record = StateText.Record(first)
    _ = record.word()
    let standardError = record.number(CInt.self)
    if standardError > 2 { Process.closeOnExec(standardError) }
    var supervisor = try Supervisor(
      executable: record.text(), arguments: arguments, isSuccessor: true,
      standardError: standardError > 2 ? FileDescriptor(owning: standardError) : nil)
    for line in lines.dropFirst() { try supervisor.restore(StateText.Record(line)) }
    let count = supervisor.state.generations.count
    supervisor.log.info("the supervisor has been replaced, \(count) generation(s) taken over")
    return supervisor
  }

  private static func stateText(in file: consuming FileDescriptor) throws(Errno) -> String {
    String(decoding: try FileContents.read(path: "/proc/self/fd/\(file.raw)", limit: 1 << 24), as: UTF8.self)
  }

  private mutating func restore(_ record: StateText.Record) throws(Errno) {
    let full = record
    var record = record
    switch record.word() {
    case "count": state.generationCount = record.number()
    case "log-level": log.logLevel = Logger.Level(rawValue: record.word()) ?? log.logLevel
    case "error-log": errorLog = record.text()
    case "scale": state.scale = record.number()
    case "ticket-keys": state.ticketKeys = record.text()
    case "restart-at": restartAt = record.number()
    case "reload-wanted": reloadIsWanted = record.number(Int.self) == 1
    case "restarts":
      for cause in ServiceState.Restarts.Cause.allCases { state.restarts[cause] = record.number() }
    case "reloads":
      state.reloads.succeeded = record.number()
      state.reloads.failed = record.number()
    case "totals": state.pastTotals.restore(record)
    case "plugin-totals": state.pastTotals.restore(plugin: record)
    case "metrics":
      metrics = Door(saved: record)
      watchDoors()
    case "control":
      control = Door(saved: record)
      watchDoors()
    case "worker", "plugin", "access-log", "configuration":
      // They follow the line of their generation.
      if let last = state.generations.indices.last { state.generations[last].takeSaved(full) }
    case "reload":
      let generation = record.number(Int.self)
      let endedAt = record.number(Int64.self)
      let duration = record.number(UInt64.self)
      let failure = record.text()
      state.lastReload = ServiceState.Reload(
        generation: generation, endedAt: endedAt, duration: duration, failure: failure.isEmpty ? nil : failure)
    case "generation":
      let generation = Generation(saved: record)
      if let channel = generation.channel {
        try epoll.add(channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(generation.number))
      }
      state.generations.append(generation)
    case "pidfile":
      let fd = record.number(CInt.self)
      guard fd > 2 else { return }
      Process.closeOnExec(fd)
      pidFile = PidFile(path: record.text(), descriptor: FileDescriptor(owning: fd))
    case "listener": store.restore(record)
    default: break  // of another version
    }
  }
}

extension Generation {
  /// What people are told of it; it follows the line of the generation itself. The configuration of one that finishes
  /// interests nobody any more, and is large.
  fileprivate var savedDetails: String {
    workers.reduce("") { $0 + "worker \($1.text)\n" }
      + plugins.reduce("") { $0 + StateText.line(["plugin"], text: $1.text) }
      + (settings.accessLog.map { StateText.line(["access-log"], text: $0) } ?? "")
      + (stage == .serving ? StateText.line(["configuration"], text: configuration) : "")
  }

  fileprivate mutating func takeSaved(_ detail: StateText.Record) {
    var detail = detail
    switch detail.word() {
    case "worker": if let notice = WorkerNotice(text: detail.text()) { take(notice) }
    case "plugin": if let notice = PluginNotice(text: detail.text()) { plugins.append(notice) }
    case "access-log": settings.accessLog = detail.text()
    default: configuration = detail.text()
    }
  }

  fileprivate var savedLine: String {
    StateText.line(
      [
        "generation", "\(number)", "\(master)", "\(cause.rawValue)", "\(stage.rawValue)", "\(startedAt)", "\(deadline)",
        "\(channel?.raw ?? -1)", "\(scoreboard?.board.raw ?? -1)", "\(settings.bootTimeout)",
        "\(settings.gracefulTimeout)", "\(settings.restartBackoff)", "\(settings.workerTimeout)", "\(settings.scale)",
      ], text: settings.errorLog ?? "")
  }

  fileprivate init(saved: StateText.Record) {
    var record = saved
    number = record.number()
    master = record.number()
    cause = Cause(rawValue: record.word()) ?? .start
    stage = Stage(rawValue: record.word()) ?? .serving
    startedAt = record.number()
    deadline = record.number()
    let fd = record.number(CInt.self)
    if fd > 2 {
      Process.closeOnExec(fd)
      channel = Channel(owning: FileDescriptor(owning: fd))
    }
    let board = record.number(CInt.self)
    if board > 2 {
      Process.closeOnExec(board)
      scoreboard = GenerationScoreboard(FileDescriptor(owning: board))
    }
    settings = Settings(
      bootTimeout: record.number(), gracefulTimeout: record.number(), restartBackoff: record.number(),
      workerTimeout: record.number(), scale: record.number())
    let errorLog = record.text()
    settings.errorLog = errorLog.isEmpty ? nil : errorLog
  }
}
