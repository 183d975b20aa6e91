import Glibc
import Logging
import Platform

/// What masters run: the program file as it is on disk by then, with the supervisor's own command line and environment.
package struct MasterProgram: ~Copyable {
  /// How a master learns of its line to the supervisor.
  package static let channelVariable = "OUTRIDER_CHANNEL"
  /// Beside it: the pipe by which the master speaks once its channel is sealed.
  package static let reportsVariable = "OUTRIDER_REPORTS"

  let path: String
  let arguments: [String]
  /// The standard error that the supervisor was started with: a master begins with it, whatever is the log by then.
  private let standardError: FileDescriptor?

  init(path: String, arguments: [String], standardError: consuming FileDescriptor?) {
    self.path = path
    self.arguments = arguments
    self.standardError = standardError ?? LogFile.presentErrorLog()
  }

  /// Its descriptor, or -1.
  var standardErrorNumber: CInt {
    switch standardError {
    case .some(let descriptor): descriptor.raw
    case .none: -1
    }
  }

  /// A master's first standard error is the journal.
  var startsInJournal: Bool { Journal.leads(standardErrorNumber) }

  func restoreStandardError() {
    switch standardError {
    case .some(let descriptor): LogFile.makeErrorLog(descriptor)
    case .none: break
    }
  }

  /// What is the supervisor's alone.
  private static let privateVariables = [
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
  ]

  /// Forks and executes; the master's pid, and the supervisor's end of the line.
  func launch() throws(Errno) -> (pid: pid_t, channel: Channel) {
    let (line, theirs) = try Channel.pair(sealed: false)
    let own = Process.id
    switch try Process.fork() {
    case .child: becomeMaster(theirs, parent: own)
    case .parent(let child): return (child, line)
    }
  }

  /// Starts the program so that it says its version.
  func probe(deadline: UInt64) throws(Errno) -> Probe {
    var ends: [CInt] = [-1, -1]
    guard unsafe pipe(&ends) == 0 else { throw .last("pipe") }
    let output = FileDescriptor(owning: ends[0])
    let input = FileDescriptor(owning: ends[1])
    for end in ends { Process.closeOnExec(end) }
    output.makeNonblocking()
    let own = Process.id
    switch try Process.fork() {
    case .parent(let child): return Probe(pid: child, output: output, deadline: deadline)
    case .child:
      Signals.reset()
      guard Process.discardOutput(), dup2(input.raw, 1) == 1 else { Process.leave(.osError) }
      Process.closeDescriptors(except: [])
      guard Process.bindToParent(own, signal: SIGKILL) else { Process.leave(.osError) }
      do throws(Errno) {
        try Process.execute(path, arguments: [path, "--version"])
      } catch {
        Process.leave(.osError)
      }
    }
  }

  /// In the child: nothing of the supervisor's but the channel survives.
  private func becomeMaster(_ channel: Channel, parent: pid_t) -> Never {
    Signals.restoreSetup()
    // Whose terminal it is may be root's, and whatever has it as its own can type into it (TIOCSTI).
    guard Process.leaveTerminal() else { Process.leave(.osError) }
    restoreStandardError()
    Process.closeDescriptors(except: channel.descriptors)
    for fd in channel.descriptors { Process.keepAcrossExec(fd) }
    Process.setEnvironment(MasterProgram.channelVariable, "\(channel.socketRaw)")
    Process.setEnvironment(MasterProgram.reportsVariable, channel.pipeRaw.map { "\($0)" })
    for name in MasterProgram.privateVariables { Process.setEnvironment(name, nil) }
    guard Process.bindToParent(parent, signal: SIGTERM) else { Process.leave(.osError) }
    do throws(Errno) {
      try Process.execute(path, arguments: arguments)
    } catch {
      ErrorLog.logger(role: "supervisor", level: .info).critical("\(error)")
      channel.send(kind: MasterMessage.failed.rawValue, text: Array("\(error)".utf8))
      Process.leave(.osError)
    }
  }
}
