import Glibc
import IPC
import Logging
import Platform

// The signals of the supervisor; outrider(8) has the table.

extension Supervisor {
  mutating func handle(_ signal: CInt) {
    switch signal {
    case SIGTERM where !state.isEnding: handle(.shutdownRequested)
    case SIGTERM, SIGINT, SIGQUIT: handle(.stopRequested)
    case SIGHUP: handle(.reloadRequested)
    case SIGUSR1: reopenLogs()
    case SIGUSR2: handle(.replacementRequested)
    case SIGTTIN: handle(.scaleRequested(by: 1))
    case SIGTTOU: handle(.scaleRequested(by: -1))
    default: break
    }
  }

  /// The terminal that the server was started in has hung up. Under nohup(1) the server continues.
  mutating func handleTerminalHangUp() {
    guard !state.isEnding, !(unsafe Signals.setup.ignores(SIGHUP)) else { return }
    log.info("the terminal has hung up")
    handle(.shutdownRequested)
  }
}
