import Configuration
import Glibc
import Master
import Platform
import Supervisor

/// The same program as a master: the supervisor has started it with a line to itself in the environment.
enum MasterRole {
  /// The line to the supervisor, if there is one; children of this process do not see it.
  static func takeLine() -> SupervisorLine? {
    guard let text = Process.environment(MasterProgram.channelVariable), let fd = CInt(text), fd > 2 else {
      return nil
    }
    Process.setEnvironment(MasterProgram.channelVariable, nil)
    Process.closeOnExec(fd)
    return SupervisorLine(owning: FileDescriptor(owning: fd))
  }

  static func run(
    _ line: SupervisorLine, _ readConfiguration: () throws(StartFault) -> Configuration
  ) -> ExitCode {
    do throws(StartFault) {
      let master = try MasterProcess.prepare(try readConfiguration(), line)
      return master.run()
    } catch {
      ErrorLog.complain(error.description)
      line.failed(error.description)
      return error.code
    }
  }
}
