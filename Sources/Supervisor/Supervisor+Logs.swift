import Glibc
import Logging
import Platform

// Logs. Whoever started the supervisor may open more than masters and workers can, who are somebody else by then:
// so it opens the files again, and the descriptors travel over the channels.

extension Supervisor {
  /// A generation that is to log to the journal gets streams of its own before it begins. Its messages keep the standard
  /// error that it was started with where that is the journal already, and where there is none; its requests are not logged
  /// then.
  mutating func passJournal(_ index: Int, over line: Channel) {
    if program.startsInJournal, state.generations[index].settings.errorLog == JournalStream.name {
      state.generations[index].settings.errorLog = nil
    }
    pass(.error, \.errorLog, index, over: line, otherwise: "the log stays on standard error")
    pass(.access, \.accessLog, index, over: line, otherwise: "requests are not logged")
  }

  private mutating func pass(
    _ name: LogName, _ place: WritableKeyPath<Generation.Settings, String?>, _ index: Int, over line: Channel,
    otherwise: String
  ) {
    guard state.generations[index].settings[keyPath: place] == JournalStream.name else { return }
    do throws(Errno) {
      // Lines of requests are taken as they are.
      let stream = try JournalStream.open(prefixed: name == .error)
      line.send(kind: MasterMessage.log.rawValue, text: Array(name.rawValue.utf8), descriptor: stream.raw)
    } catch {
      log.warning("log.\(name.rawValue) = \"journal\": \(error); \(otherwise)")
      state.generations[index].settings[keyPath: place] = nil
    }
  }

  /// The generation that serves has this error log; nil is the standard error that the supervisor was started with.
  mutating func settleErrorLog(_ settings: Generation.Settings) {
    let place = settings.errorLog
    guard place != errorLog else { return }
    do throws(Errno) {
      switch place {
      case JournalStream.name: LogFile.makeErrorLog(try JournalStream.open(prefixed: true), isJournal: true)
      case .some(let path): LogFile.makeErrorLog(try LogFile.open(path, user: settings.user))
      case nil:
        program.restoreStandardError()
        LogFile.separateErrorLog()
      }
      errorLog = place
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
    let places = Set(state.generations.compactMap { $0.settings[keyPath: place] }).subtracting([JournalStream.name])
    for path in places.sorted() {
      do throws(Errno) {
        let generations = state.generations.filter { $0.settings[keyPath: place] == path }
        let file = try LogFile.open(path, user: generations.last?.settings.user)
        if name == .error && path == errorLog {
          LogFile.makeErrorLog(file)
          LogFile.separateErrorLog()
        }
        for generation in generations {
          generation.channel?.send(
            kind: MasterMessage.log.rawValue, text: Array(name.rawValue.utf8), descriptor: file.raw)
        }
      } catch {
        log.error("not reopened: \(error)")
      }
    }
  }
}
