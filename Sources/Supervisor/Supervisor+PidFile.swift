import Glibc
import Platform

// The pid file, as the configuration of the generation that serves has it. A new one is made before that generation
// binds anything, so that a second instance finds out here and not by an address in use; it counts from READY on.

extension Supervisor {
  /// Makes the pid file of a starting generation; what is in the way, or nil.
  mutating func preparePidFile(_ settings: Generation.Settings) -> (reason: String, code: ExitCode)? {
    guard let path = settings.pidFile, path != pidFile?.path else { return nil }
    do throws(PidFile.Fault) {
      nextPidFile = try PidFile(path: path, user: settings.user)
      return nil
    } catch {
      switch error {
      case .held(let path, let holder):
        return ("server.pidfile: \(path) is held by a server that runs, pid \(holder)", .unavailable)
      case .system(let errno):
        let isForbidden = errno.code == EACCES || errno.code == EPERM
        return ("server.pidfile: \(errno)", isForbidden ? .noPermission : .osError)
      }
    }
  }

  /// The generation with this pid file serves.
  mutating func settlePidFile(_ path: String?) {
    guard path != pidFile?.path else { return }
    removePidFile()
    pidFile = nextPidFile.take()
  }

  /// The generation for which it was made does not serve.
  mutating func discardPidFile() {
    if let file = nextPidFile.take() { file.remove() }
  }

  mutating func removePidFile() {
    if let file = pidFile.take() { file.remove() }
  }
}
