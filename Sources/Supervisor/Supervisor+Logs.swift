import Glibc
import Logging
import Platform

// Logs. Whoever started the supervisor may open more than masters and workers can, who are somebody else by then:
// so it opens the files again, and the descriptors travel over the channels.

extension Supervisor {
  /// A generation that is to log to the journal gets a stream of its own before it begins. It keeps the standard error that
  /// it was started with where that is the journal already, and where there is none.
  mutating func passErrorJournal(_ index: Int, over line: Channel) {
    guard state.generations[index].settings.errorLog == JournalStream.name else { return }
    if program.startsInJournal {
      state.generations[index].settings.errorLog = nil
      return
    }
    do throws(Errno) {
      let stream = try JournalStream.open(prefixed: true)
      line.send(kind: MasterMessage.log.rawValue, text: Array(LogName.error.rawValue.utf8), descriptor: stream.raw)
    } catch {
      log.warning("log.error = \"journal\": \(error); the log stays on standard error")
      state.generations[index].settings.errorLog = nil
    }
  }

  /// Likewise for its access log; without a journal there is none.
  mutating func passAccessJournal(_ index: Int, over line: Channel) {
    guard state.generations[index].settings.accessLog == JournalStream.name else { return }
    do throws(Errno) {
      let stream = try JournalStream.open(prefixed: false)
      line.send(kind: MasterMessage.log.rawValue, text: Array(LogName.access.rawValue.utf8), descriptor: stream.raw)
    } catch {
      log.warning("log.access = \"journal\": \(error); requests are not logged")
      state.generations[index].settings.accessLog = nil
    }
  }

  /// The generation that serves has this error log; nil is the standard error that the supervisor was started with.
  mutating func settleErrorLog(_ place: String?) {
    guard place != errorLog else { return }
    do throws(Errno) {
      switch place {
      case JournalStream.name: LogFile.makeErrorLog(try JournalStream.open(prefixed: true), isJournal: true)
      case .some(let path): LogFile.makeErrorLog(try LogFile.open(path))
      case nil: program.restoreStandardError()
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
