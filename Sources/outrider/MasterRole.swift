import Configuration
import Glibc
import Master
import Platform
import Supervisor

/// The same program as a master: the supervisor has started it with a line to itself in the environment.
enum MasterRole {
  /// The line to the supervisor, if there is one; children of this process do not see it.
  static func takeLine() throws(StartFault) -> SupervisorLine? {
    let name = MasterProgram.channelVariable
    let reports = takeNumber(MasterProgram.reportsVariable)
    guard let text = Process.environment(name), !text.isEmpty else { return nil }
    guard let fd = takeNumber(name), Connections.isChannelToParent(fd) else {
      throw StartFault("\(name)=\(text): that is no line to a supervisor, who alone is to set it", .usage)
    }
    Process.closeOnExec(fd)
    guard let reports else { return SupervisorLine(owning: FileDescriptor(owning: fd), reports: nil) }
    guard reports != fd, (try? FileStatus(of: reports, ""))?.kind == S_IFIFO else {
      throw StartFault("\(MasterProgram.reportsVariable)=\(reports): that is no pipe to a supervisor", .usage)
    }
    Process.closeOnExec(reports)
    return SupervisorLine(owning: FileDescriptor(owning: fd), reports: FileDescriptor(owning: reports))
  }

  private static func takeNumber(_ name: String) -> CInt? {
    let number = Process.environment(name).flatMap { CInt($0) }
    Process.setEnvironment(name, nil)
    return number.flatMap { $0 > 2 ? $0 : nil }
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
