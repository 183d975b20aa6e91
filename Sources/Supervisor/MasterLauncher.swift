import Glibc
import IPC
import Logging
import Platform

/// Starts masters, which execute the program file on disk with the supervisor's command line and environment.
package struct MasterLauncher: ~Copyable {
  /// The descriptor of a master's channel to the supervisor.
  package static let channelVariable = "OUTRIDER_CHANNEL"
  /// The pipe that the master sends through once its channel is sealed.
  package static let reportsVariable = "OUTRIDER_REPORTS"
  /// The pipe for workers without a master; see `ShutdownPipe`.
  package static let shutdownVariable = "OUTRIDER_SHUTDOWN"

  /// The number of the generation.
  package static let generationVariable = "OUTRIDER_GENERATION"

  let path: String
  let arguments: [String]
  /// The standard error that the supervisor was started with: each master starts with it, wherever the log goes now.
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

  /// Whether a master's initial standard error is the journal.
  var startsInJournal: Bool { Journal.isStream(standardErrorNumber) }

  func restoreStandardError() {
    switch standardError {
    case .some(let descriptor): LogFile.makeErrorLog(descriptor)
    case .none: break
    }
  }

  /// Variables that masters do not inherit.
  private static let privateVariables = [
    "LISTEN_FDS", "LISTEN_PID", "LISTEN_FDNAMES", "NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
  ]

  /// Forks and executes a master.
  ///
  /// - Returns: its pid, and the supervisor's ends of the channel and of the workers' pipe.
  func launch(_ generation: Int) throws(Errno) -> (pid: pid_t, channel: Channel, shutdownPipe: ShutdownPipe) {
    let (channel, masterEnd) = try Channel.pair(sealed: false)
    let (shutdownPipe, workersEnd) = try ShutdownPipe.make()
    let own = Process.id
    switch try Process.fork() {
    case .child: runMaster(masterEnd, workersEnd, generation, parent: own)
    case .parent(let child): return (child, channel, shutdownPipe)
    }
  }

  /// Starts the program with `--version`.
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
      guard Process.discardOutput(), dup2(input.raw, 1) == 1 else { Process.exit(.osError) }
      Process.closeDescriptors(except: [])
      guard Process.bindToParent(own, signal: SIGKILL) else { Process.exit(.osError) }
      do throws(Errno) {
        try Process.execute(path, arguments: [path, "--version"])
      } catch {
        Process.exit(.osError)
      }
    }
  }

  /// In the child: keeps the channel and the workers' pipe, and closes everything else of the supervisor.
  private func runMaster(_ channel: Channel, _ shutdownPipe: ShutdownPipe, _ generation: Int, parent: pid_t) -> Never {
    Signals.restoreSetup()
    // The terminal may be root's, and a process in its session can insert input (TIOCSTI).
    guard Process.detachFromTerminal() else { Process.exit(.osError) }
    restoreStandardError()
    let kept = channel.descriptors + [shutdownPipe.raw]
    Process.closeDescriptors(except: kept)
    for fd in kept { Process.keepAcrossExec(fd) }
    Process.setEnvironment(MasterLauncher.channelVariable, "\(channel.socketRaw)")
    Process.setEnvironment(MasterLauncher.reportsVariable, channel.pipeRaw.map { "\($0)" })
    Process.setEnvironment(MasterLauncher.shutdownVariable, "\(shutdownPipe.raw)")
    Process.setEnvironment(MasterLauncher.generationVariable, "\(generation)")
    for name in MasterLauncher.privateVariables { Process.setEnvironment(name, nil) }
    guard Process.bindToParent(parent, signal: SIGTERM) else { Process.exit(.osError) }
    do throws(Errno) {
      try Process.execute(path, arguments: arguments)
    } catch {
      withExtendedLifetime(shutdownPipe) {}
      ErrorLog.logger(role: "supervisor", level: .info).critical("\(error)")
      channel.send(MasterMessage.failed, KeyedFields("reason", text: "\(error)"))
      Process.exit(.osError)
    }
  }
}
