import Configuration
import Glibc
import Master
import Platform
import Supervisor

/// The same program as a master: the supervisor has started it with a channel in the environment.
enum MasterRole {
  /// The channel to the supervisor, if there is one. Children of this process do not inherit it.
  static func takeChannel() throws(StartError) -> SupervisorChannel? {
    let name = MasterLauncher.channelVariable
    let reports = takeNumber(MasterLauncher.reportsVariable)
    let shutdownPipe = takeNumber(MasterLauncher.shutdownVariable)
    guard let text = Process.environment(name), !text.isEmpty else { return nil }
    guard let fd = takeNumber(name), ConnectedSocket.isChannelToParent(fd) else {
      throw StartError("\(name)=\(text): that is no channel to a supervisor, which alone sets it", .usage)
    }
    Process.closeOnExec(fd)
    if let shutdownPipe {
      try check(shutdownPipe, MasterLauncher.shutdownVariable, isApartFrom: [fd])
      Process.closeOnExec(shutdownPipe)
    }
    guard let reports else {
      return SupervisorChannel(owning: FileDescriptor(owning: fd), reports: nil, shutdownPipe: shutdownPipe)
    }
    try check(reports, MasterLauncher.reportsVariable, isApartFrom: [fd, shutdownPipe ?? -1])
    Process.closeOnExec(reports)
    return SupervisorChannel(
      owning: FileDescriptor(owning: fd), reports: FileDescriptor(owning: reports), shutdownPipe: shutdownPipe)
  }

  private static func check(_ fd: CInt, _ name: String, isApartFrom others: [CInt]) throws(StartError) {
    guard !others.contains(fd), (try? FileStatus(of: fd, ""))?.kind == S_IFIFO else {
      throw StartError("\(name)=\(fd): that is no pipe to a supervisor", .usage)
    }
  }

  /// - Parameter least: no smaller number is taken; descriptors begin behind the standard ones.
  private static func takeNumber(_ name: String, above least: CInt = 2) -> CInt? {
    let number = Process.environment(name).flatMap { CInt($0) }
    Process.setEnvironment(name, nil)
    return number.flatMap { $0 > least ? $0 : nil }
  }

  static func run(
    _ supervisor: SupervisorChannel, _ readConfiguration: () throws(StartError) -> Configuration
  ) -> ExitCode {
    let generation = takeNumber(MasterLauncher.generationVariable, above: 0)
    ProcessTitle.set("master" + (generation.map { ", generation \($0)" } ?? ""))
    do throws(StartError) {
      let master = try MasterProcess.prepare(try readConfiguration(), supervisor)
      return master.run()
    } catch {
      ErrorLog.writeRaw(error.description)
      supervisor.sendFailure(error.description)
      return error.code
    }
  }
}
