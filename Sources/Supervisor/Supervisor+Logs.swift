import Glibc
import IPC
import Logging
import Platform

// Logs. Masters and workers run as another user and may not be able to open log files, so the supervisor reopens them and passes
// the descriptors.

extension Supervisor {
  /// Before a generation begins, passes it streams of the journal for the logs that go there. If standard error is the
  /// journal already, or there is no journal, the error log stays on standard error. Without a journal requests are not
  /// logged.
  mutating func passJournal(_ index: Int, over channel: Channel) {
    if launcher.startsInJournal, state.generations[index].settings.errorLog == JournalStream.name {
      state.generations[index].settings.errorLog = nil
    }
    pass(.error, \.errorLog, index, over: channel, otherwise: "the log stays on standard error")
    pass(.access, \.accessLog, index, over: channel, otherwise: "requests are not logged")
  }

  private mutating func pass(
    _ name: LogName, _ destination: WritableKeyPath<Generation.Settings, String?>, _ index: Int, over channel: Channel,
    otherwise: String
  ) {
    guard state.generations[index].settings[keyPath: destination] == JournalStream.name else { return }
    do throws(Errno) {
      // Access log lines have no priority prefix.
      let stream = try JournalStream.open(prefixed: name == .error)
      channel.send(MasterMessage.log, name.fields, descriptor: stream.raw)
    } catch {
      log.warning("log.\(name.rawValue) = \"journal\": \(error); \(otherwise)")
      state.generations[index].settings[keyPath: destination] = nil
    }
  }

  /// Switches the supervisor's log to that of the generation that serves now; nil means the initial standard error.
  mutating func activateErrorLog(_ settings: Generation.Settings) {
    let destination = settings.errorLog
    guard destination != errorLog else { return }
    do throws(Errno) {
      switch destination {
      case JournalStream.name: LogFile.makeErrorLog(try JournalStream.open(prefixed: true), isJournal: true)
      case .some(let path): LogFile.makeErrorLog(try LogFile.open(path, user: settings.user))
      case nil:
        launcher.restoreStandardError()
        LogFile.separateErrorLog()
      }
      errorLog = destination
    } catch {
      log.error("the supervisor keeps its present log: \(error)")
    }
  }

  /// Reopens all log files, and keeps those that can't be reopened.
  mutating func reopenLogs() {
    reopen(.error, \.errorLog)
    reopen(.access, \.accessLog)
    log.info("log files have been reopened")
    if let orphaned = state.orphaned {
      log.warning(
        "\(orphaned.orphans) worker(s) of generation \(orphaned.number) have no master: they keep the former log files")
    }
  }

  /// Each generation gets the file that its own configuration names.
  private func reopen(_ name: LogName, _ destination: KeyPath<Generation.Settings, String?>) {
    let paths = Set(state.generations.compactMap { $0.settings[keyPath: destination] }).subtracting([JournalStream.name]
    )
    for path in paths.sorted() {
      do throws(Errno) {
        let generations = state.generations.filter { $0.settings[keyPath: destination] == path }
        let file = try LogFile.open(path, user: generations.last?.settings.user)
        if name == .error && path == errorLog {
          LogFile.makeErrorLog(file)
          LogFile.separateErrorLog()
        }
        for generation in generations {
          generation.channel?.send(MasterMessage.log, name.fields, descriptor: file.raw)
        }
      } catch {
        log.error("not reopened: \(error)")
      }
    }
  }
}
