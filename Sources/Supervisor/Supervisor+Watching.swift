import Glibc
import IPC
import Logging
import Platform

// `server.watch`: changes of files cause a reload, like HUP. If it fails, the serving generation continues.

extension Supervisor {
  /// Also watches the paths of a starting generation: if its start fails, a change there may repair it.
  mutating func watchToo(_ paths: [WatchedPath]) {
    guard !paths.isEmpty else { return }
    let now = Clock.monotonic()
    do throws(Errno) {
      if watch == nil { watch = try makeWatch() }
      guard let watch else { return }
      for path in paths { watch.add(path, at: now) }
      reportWarnings(watch)
    } catch {
      log.warning("changes of files bring no reload: \(error)")
    }
  }

  /// Watches only the paths of the serving generation.
  mutating func watchAlone(_ paths: [WatchedPath]) {
    if let watch, Set(watch.paths) == Set(paths) { return }
    let former = watch
    watch = nil
    watchToo(paths)
    guard let former else { return }
    // Changes up to now are not in the generation, which was started earlier.
    former.readEvents(at: Clock.monotonic())
    watch?.takeChanges(of: former)
    epoll.remove(former.raw)
  }

  private func makeWatch() throws(Errno) -> SourceWatch {
    let watch = try SourceWatch(.python)
    try epoll.add(watch.raw, .readable, token: Supervisor.watchToken)
    return watch
  }

  func readChanges() {
    guard let watch else { return }
    watch.readEvents(at: Clock.monotonic())
    reportWarnings(watch)
  }

  mutating func reloadAfterChanges(_ now: UInt64) {
    guard let watch, watch.nextDeadline <= now else { return }
    // Events that have arrived meanwhile are part of the same change.
    watch.readEvents(at: now)
    guard let change = watch.takeChange(at: now), !state.isEnding else { return }
    log.info("\(change): reloading")
    handle(.reloadRequested)
  }

  private func reportWarnings(_ watch: SourceWatch) {
    for warning in watch.takeWarnings() { log.warning("\(warning)") }
  }
}
