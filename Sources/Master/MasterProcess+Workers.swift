import Configuration
import Glibc
import Platform
import Workers

// Workers: their start, what they say, their end.

extension MasterProcess {
  /// Forks a worker for a place; false if there is no room for it now.
  @discardableResult
  mutating func start(_ place: Int) -> Bool {
    guard let number = crew.freeSlot else { return false }
    let slot = scoreboard.slot(number)
    slot.renew()
    slot.state = .starting
    do throws(Errno) {
      let (line, theirs) = try Channel.pair(sealed: true)
      let parent = Process.id
      switch try Process.fork() {
      case .child: becomeWorker(place, slot, theirs, parent: parent)
      case .parent(let child):
        crew.hire(place, slot: number, pid: child, channel: line, now: Clock.monotonic())
        tell(of: number, .starting)
        try epoll.add(line.raw, .readable, token: MasterProcess.firstWorkerToken + UInt64(number))
      }
    } catch {
      let reason = "worker \(place): \(error)"
      log.critical("\(reason)")
      if stage == .starting {
        fail(.osError, reason)
      } else {
        crew.postpone(place, now: Clock.monotonic())
      }
      return false
    }
    return true
  }

  /// In the child: serve, then leave without returning into the master's loop.
  private func becomeWorker(
    _ place: Int, _ slot: ScoreboardSlot, _ channel: Channel, parent: pid_t
  ) -> Never {
    ErrorLog.forgetLoss()
    Signals.reset()
    Signals.disregard(MasterProcess.disregarded)
    Process.closeDescriptors(except: listeners.descriptors + channel.descriptors + [accessLog].compactMap { $0 })
    scoreboard.leaveOnly(slot)
    accessLogMemory?.leaveOnly(slot.index)
    guard Process.bindToParent(parent, signal: SIGTERM) else { Process.leave(.ok) }
    var settings = configuration.settings
    settings.listeners = listeners.settings
    let worker = WorkerProcess(
      settings: settings, plugins: plugins, sockets: listeners.sockets, index: place, channel: channel,
      slot: slot, accessLog: accessLog, accessLogRegion: accessLogMemory?.region(slot.index), logCuts: logCuts,
      pauses: PluginPauses(ends: pauses.ends))
    worker.run(role: "worker \(place)", level: level)
  }

  /// - Parameter hasEnded: its process has: these are its last words.
  mutating func heedWorker(_ slot: Int, hasEnded: Bool = false) {
    while let word = crew.hear(slot) {
      switch word {
      case .ready: becameReady(slot)
      case .worn: wantsRelief(slot, .maxRequests)
      case .refused(let text):
        for line in text.split(separator: "\n").prefix(MasterProcess.mostRefusalLines) { log.critical("\(line)") }
        // One reason is enough: that of the first.
        if stage == .starting && !crew.slots.contains(where: { crew[$0]?.hasRefused == true }) { line.failed(text) }
        crew.change(slot) { $0.hasRefused = true }
      case .gone:
        hangUp(slot)
        return
      case .fault(let reason):
        hangUp(slot)
        if !hasEnded { distrust(slot, reason) }
        return
      }
    }
  }

  /// So many lines of what a worker says of its plugins' refusals are logged.
  private static let mostRefusalLines = 64

  private mutating func hangUp(_ slot: Int) {
    if let fd = crew.line(slot) { epoll.remove(fd) }
    crew.hangUp(slot)
  }

  private mutating func becameReady(_ slot: Int) {
    crew.change(slot) { $0.isReady = true }
    tell(of: slot, .ready)
    if stage == .starting {
      if crew.isComplete { announce() }
      return
    }
    if let relieved = crew.relieved(by: slot) { dismiss(relieved) }
    relieveNext()
  }

  /// The worker finishes what it holds; nobody waits for it.
  mutating func dismiss(_ slot: Int) {
    let graceful = configuration.settings.server.gracefulTimeout &+ Clock.nanosecondsPerSecond
    crew.change(slot) {
      $0.isLeaving = true
      $0.killAt = Clock.monotonic() &+ graceful
    }
    tell(of: slot, .leaving)
    scoreboard.slot(slot).leaveBy = Clock.monotonic() &+ configuration.settings.server.gracefulTimeout
    crew.tell(slot, .drain)
  }

  /// The supervisor knows pids and places from here alone.
  private func tell(of slot: Int, _ state: WorkerNotice.State) {
    guard let member = crew[slot] else { return }
    line.tell(of: WorkerNotice(slot: slot, pid: member.pid, place: member.place, state: state))
  }

  /// Buries the dead, and plans who takes their places.
  mutating func reap() {
    while let (pid, ending) = Process.reap() {
      guard let slot = crew.slot(of: pid) else { continue }
      heedWorker(slot, hasEnded: true)
      hangUp(slot)
      guard let member = crew[slot] else { continue }
      tell(of: slot, .gone)
      crew.bury(slot)
      scoreboard.slot(slot).state = .absent
      if stage == .starting && !member.isReady {
        endedWhileStarting(member, ending, slot)
      } else if member.isLeaving || stage.isEnding {
        endedWhileLeaving(member, ending, slot)
      } else {
        replace(member, ending, slot)
      }
      settleRequests(of: slot, ending, wasLeaving: member.isLeaving || stage.isEnding)
      relieveNext()
    }
  }

  private mutating func endedWhileStarting(_ member: Crew.Member, _ ending: Process.Ending, _ slot: Int) {
    let reason = "worker \(member.place) (pid \(member.pid)) \(ending) while starting"
    if !member.hasRefused { report(member, ending, slot, then: " while starting") }
    fail(
      member.hasRefused || ending == .exited(ExitCode.configuration.rawValue) ? .configuration : .software,
      member.hasRefused ? nil : reason)
  }

  private mutating func replace(_ member: Crew.Member, _ ending: Process.Ending, _ slot: Int) {
    scoreboard.countRestart(member.isHung && !member.isDistrusted ? .hung : member.hasRefused ? .refused : .crashed)
    let now = Clock.monotonic()
    if crew.isTaken(member.place) {
      // Who was to relieve a worker has failed: the next one comes later.
      let delay = crew.wantsRelief(member.place) ? crew.postpone(member.place, now: now) : nil
      let sequel = delay.map { "; the next replacement starts in \($0 / Clock.nanosecondsPerMillisecond) ms" } ?? ""
      report(member, ending, slot, then: sequel)
      return
    }
    let paused = pause(after: ending, slot, at: now)
    let delay = paused == nil ? crew.postpone(member.place, now: now) : crew.restart(member.place, now: now)
    report(
      member, ending, slot, then: "; its replacement starts in \(delay / Clock.nanosecondsPerMillisecond) ms")
    if let paused { log.error("\(paused)") }
  }

  /// Pauses the plugin that has taken too many workers down, if that was one's end; what there is to say then.
  private mutating func pause(after ending: Process.Ending, _ slot: Int, at now: UInt64) -> String? {
    let obituary = Obituary(scoreboard.slot(slot), pluginNames: plugins.names)
    guard let plugin = obituary.culpritPlugin(ending), let end = pauses.crashed(plugin, at: now)
    else { return nil }
    crew.tellAll(.pause, text: Array(PluginPauses.text(plugin, until: end).utf8))
    let milliseconds = (end &- now) / Clock.nanosecondsPerMillisecond
    return """
      plugin \(plugins.names[plugin]) has crashed plugin.max_fails workers or more: it is paused for \(milliseconds) ms, \
      and its requests get 503
      """
  }

  /// Tells of a worker's end, and of all that ended with it.
  func report(_ member: Crew.Member, _ ending: Process.Ending, _ slot: Int, then sequel: String) {
    let obituary = Obituary(scoreboard.slot(slot), pluginNames: plugins.names)
    let name = "worker \(member.place) (pid \(member.pid))"
    var end = "\(ending)"
    if let signal = obituary.signal, ending != .killed(signal) { end += " after \(Signals.name(signal))" }
    log.error("\(name) \(end)\(obituary.culprit)\(sequel)")
    for line in obituary.companions + obituary.traces { log.error("\(name): \(line)") }
  }
}
