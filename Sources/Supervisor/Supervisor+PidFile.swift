import Glibc
import Platform

// The pid file of the serving generation. A new file is written before its generation binds anything, so that a second
// instance of the server fails here and not with an address in use.

extension Supervisor {
  /// Writes the pid file of a starting generation.
  ///
  /// - Returns: why that fails, or nil.
  mutating func preparePidFile(_ settings: Generation.Settings) -> (reason: String, code: ExitCode)? {
    guard let path = settings.pidFile, path != pidFile?.path else { return nil }
    do throws(PidFileError) {
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

  /// Switches to the pid file of the generation that serves now.
  mutating func activatePidFile(_ path: String?) {
    guard path != pidFile?.path else { return }
    removePidFile()
    pidFile = nextPidFile.take()
  }

  /// Removes the pid file of a generation that failed to start.
  mutating func discardPidFile() {
    if let file = nextPidFile.take() { file.remove() }
  }

  mutating func removePidFile() {
    if let file = pidFile.take() { file.remove() }
  }
}
