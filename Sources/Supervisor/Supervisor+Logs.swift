import Glibc
import Logging
import Platform

// Log files. Whoever started the supervisor may open more than masters and workers can, who are somebody else by then:
// so it opens the files again, and the descriptors travel over the channels.

extension Supervisor {
  /// The generation that serves has this error log; nil is the standard error that the supervisor was started with.
  mutating func settleErrorLog(_ path: String?) {
    guard path != errorLog else { return }
    do throws(Errno) {
      if let path {
        LogFile.makeErrorLog(try LogFile.open(path))
      } else {
        program.restoreStandardError()
      }
      errorLog = path
    } catch {
      log.error("the supervisor keeps its present log: \(error)")
    }
  }

  /// Opens all log files anew; those that can't be are kept.
  mutating func reopenLogs() {
    reopen(.error, \.errorLog)
    reopen(.access, \.accessLog)
    log.info("log files have been reopened")
  }

  /// Each generation gets the file that it has configured.
  private func reopen(_ name: LogName, _ place: KeyPath<Generation.Settings, String?>) {
    for path in Set(state.generations.compactMap { $0.settings[keyPath: place] }).sorted() {
      do throws(Errno) {
        let file = try LogFile.open(path)
        if name == .error && path == errorLog { LogFile.makeErrorLog(file) }
        for generation in state.generations where generation.settings[keyPath: place] == path {
          generation.channel?.send(
            kind: MasterMessage.log.rawValue, text: Array(name.rawValue.utf8), descriptor: file.raw)
        }
      } catch {
        log.error("not reopened: \(error)")
      }
    }
  }
}
