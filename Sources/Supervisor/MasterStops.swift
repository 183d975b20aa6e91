import Glibc
import Logging
import Platform

/// How often a master was stopped of late. Its workers run as its user and can do that (SIGSTOP); a service whose master
/// stands still answers until its workers are gone, and is not mended by anybody.
struct MasterStops: Sendable {
  /// Those within a minute from the first of them.
  private var count = 0
  private var since: UInt64 = 0

  private static let most = 3
  private static let period = 60 * Clock.nanosecondsPerSecond

  /// Counts one; false if it is one too many.
  mutating func add(now: UInt64) -> Bool {
    if count == 0 || now &- since >= MasterStops.period { (count, since) = (0, now) }
    count += 1
    return count <= MasterStops.most
  }
}

extension Supervisor {
  /// A master was stopped: it is to go on. One to which that happens again and again is replaced.
  mutating func wasStopped(_ index: Int, by signal: CInt) {
    let generation = state.generations[index]
    let what = "master \(generation.master) of generation \(generation.number) was stopped by \(Signals.name(signal))"
    if state.generations[index].stops.add(now: Clock.monotonic()) {
      log.warning("\(what): it is continued")
      Process.send(SIGCONT, to: generation.master)
    } else {
      log.error("\(what), again and again: it is killed")
      state.generations[index].failure = generation.failure ?? "its master was stopped again and again"
      state.generations[index].isKilled = true
      kill(index)
    }
  }
}
