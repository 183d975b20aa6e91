import Configuration
import Glibc
import Platform
import Workers

// Watching the workers: those that hang are killed, those that are worn are relieved, one at a time.

extension MasterProcess {
  /// How long a worker that hangs has for its last words.
  private static let dumpTime: UInt64 = 2 * Clock.nanosecondsPerSecond

  /// Looks at every worker, and plans the next look.
  mutating func watch(_ now: UInt64) {
    let settings = configuration.settings
    for slot in crew.slots {
      guard let member = crew[slot] else { continue }
      if !member.isReady {
        if !member.isHung, now >= member.hiredAt &+ settings.server.bootTimeout {
          kill(slot, member, "not ready within boot_timeout")
        }
      } else if !member.isHung, let symptom = symptom(of: slot, now) {
        kill(slot, member, symptom)
      } else if settings.server.memoryLimit > 0, member.relief == nil, !member.isLeaving,
        let memory = ResidentMemory.of(member.pid), memory > settings.server.memoryLimit
      {
        wantsRelief(slot, .memoryLimit)
      }
    }
    relieveNext()
    watchAt = now &+ interval
  }

  /// Often enough to find a worker that hangs soon after its time, never so often that it is felt.
  var interval: UInt64 {
    let limit = configuration.settings.timeouts.worker
    let eighth = limit == 0 ? .max : limit / 8
    return min(max(eighth, 50 * Clock.nanosecondsPerMillisecond), Clock.nanosecondsPerSecond)
  }

  /// So late is anybody on a busy machine.
  private static let leastTolerance = 250 * Clock.nanosecondsPerMillisecond

  /// How late this process may be and judge its workers nevertheless: it is a part of their time that no healthy one is silent
  /// for, with what they may be silent anyway.
  static func tolerance(_ settings: Settings) -> UInt64 {
    let limit = settings.timeouts.worker
    return min(limit == 0 ? .max : max(limit / 4, leastTolerance), Clock.nanosecondsPerSecond)
  }

  /// What is wrong with a worker that gives no sign of life, or nil.
  private func symptom(of slot: Int, _ now: UInt64) -> String? {
    let limit = configuration.settings.timeouts.worker
    guard limit > 0 else { return nil }
    let cells = scoreboard.slot(slot)
    func silence(_ number: Int) -> UInt64 {
      let last = cells.thread(number).busySince
      let since = max(last, judgesFrom)
      return last == 0 || since >= now ? 0 : now - since
    }
    func seconds(_ time: UInt64) -> String { "\(time / Clock.nanosecondsPerMillisecond) ms" }

    if silence(0) > limit { return "its loop has not turned for \(seconds(silence(0)))" }
    let threads = cells.poolThreads
    guard threads > 0, let least = (1...threads).map(silence).min(), least > limit else { return nil }
    return "all its \(threads) thread(s) have been busy for \(seconds(least))"
  }

  private mutating func kill(_ slot: Int, _ member: Crew.Member, _ symptom: String) {
    log.critical("worker \(member.place) (pid \(member.pid)) hangs: \(symptom); it is aborted")
    abort(slot, member)
  }

  /// A worker has said what no worker says.
  mutating func distrust(_ slot: Int, _ reason: String) {
    guard let member = crew[slot] else { return }
    log.critical("worker \(member.place) (pid \(member.pid)) \(reason), which no worker does: it is aborted")
    crew.change(slot) { $0.isDistrusted = true }
    // Nobody looks after workers that are late before the generation serves.
    if stage == .starting { Process.send(SIGKILL, to: member.pid) } else { abort(slot, member) }
  }

  /// Asks for a backtrace, and makes sure of the end.
  private mutating func abort(_ slot: Int, _ member: Crew.Member) {
    crew.change(slot) {
      $0.isHung = true
      $0.killAt = Clock.monotonic() &+ Self.dumpTime
    }
    // The loop's thread: it accepts nothing more, so whoever waits in the backlog is served by another worker.
    Process.send(
      SIGABRT, toThread: pid_t(truncatingIfNeeded: scoreboard.slot(slot).thread(0).thread), of: member.pid)
    // A stopped process hears nothing else.
    Process.send(SIGCONT, to: member.pid)
  }

  // MARK: Relief

  mutating func wantsRelief(_ slot: Int, _ why: Crew.Relief) {
    guard let member = crew[slot], member.relief == nil, !member.isLeaving else { return }
    log.info("worker \(member.place) (pid \(member.pid)) \(why.rawValue) and is to be replaced")
    crew.change(slot) { $0.relief = why }
    scoreboard.countRestart(why.cause)
    relieveNext()
  }

  /// The supervisor was asked to have the worker with this pid replaced.
  mutating func retire(_ pid: String) {
    guard let slot = pid_t(pid).flatMap({ crew.slot(of: $0) }) else { return }
    wantsRelief(slot, .retired)
  }

  /// Starts the replacement of a worker that wants one: the old one serves until it is ready. One at a time, and no more
  /// that still finish than serve.
  mutating func relieveNext() {
    guard stage == .serving, !crew.slots.contains(where: { crew[$0]?.isReady == false }),
      crew.slots.count(where: { crew[$0]?.isLeaving == true }) < crew.count
    else { return }
    for slot in crew.slots {
      guard let member = crew[slot], member.relief != nil, !member.isLeaving else { continue }
      if crew.isPostponed(member.place) { continue }
      start(member.place)
      return
    }
  }
}
