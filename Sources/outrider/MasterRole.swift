import Configuration
import Glibc
import Master
import Platform
import Supervisor

/// The same program as a master: the supervisor has started it with a line to itself in the environment.
enum MasterRole {
  /// The line to the supervisor, if there is one; children of this process do not see it.
  static func takeChannel() -> CInt? {
    guard let text = Process.environment(Supervisor.channelVariable), let fd = CInt(text), fd > 2 else {
      return nil
    }
    Process.setEnvironment(Supervisor.channelVariable, nil)
    Process.closeOnExec(fd)
    return fd
  }

  static func run(_ configuration: Configuration, _ channel: CInt) throws(StartFault) -> ExitCode {
    let master = try MasterProcess.prepare(configuration, channel: FileDescriptor(owning: channel))
    return master.run()
  }
}
