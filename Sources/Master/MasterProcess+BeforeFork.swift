import Platform
import PluginHost

// The hook before_fork(), during which the master can do nothing else.

extension MasterProcess {
  /// One that takes so long is told.
  private static let slowHook = Clock.nanosecondsPerSecond

  /// Calls it for all plugins. Who hangs in it ends the master: at the start the supervisor sees to that, later a signal.
  func prepareFork() {
    for plugin in plugins.loaded where plugin.hasBeforeFork {
      let began = Clock.monotonic()
      supervisor.reportStep("running before_fork() of plugin \(plugin.record.nameText)")
      if state.stage != .starting { Process.endAfter(state.limits.bootTimeout) }
      plugin.prepareFork()
      Process.endAfter(nil)
      supervisor.reportStep(state.stage == .starting ? "starting workers" : "")
      let length = Clock.monotonic() &- began
      if length >= MasterProcess.slowHook {
        let milliseconds = length / Clock.nanosecondsPerMillisecond
        log.warning(
          "plugin \(plugin.record.nameText): before_fork() took \(milliseconds) ms, in which the master did nothing else"
        )
      }
    }
  }
}
