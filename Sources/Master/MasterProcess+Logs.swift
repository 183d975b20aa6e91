import Configuration
import Glibc
import Platform

// The logs of a generation: opened while the master can still open what only root can, and again at the supervisor's word.

extension MasterProcess {
  /// Nil if it is standard error.
  static func openErrorLog(
    _ configuration: Configuration, _ user: ServiceUser?
  ) throws(StartFault) -> FileDescriptor? {
    guard let path = configuration.settings.log.errorFile else { return nil }
    return try open(path, "log.error", configuration, user)
  }

  /// Nil if there is none.
  static func openAccessLog(_ configuration: Configuration, _ user: ServiceUser?) throws(StartFault) -> CInt? {
    let log = configuration.settings.log
    if let path = log.accessFile { return try open(path, "log.access", configuration, user).release() }
    return log.access == "stdout" ? LogSink.openStandardOutput()?.release() : nil
  }

  private static func open(
    _ path: String, _ key: String, _ configuration: Configuration, _ user: ServiceUser?
  ) throws(StartFault) -> FileDescriptor {
    do throws(Errno) {
      return try LogFile.open(path, user: user)
    } catch {
      let fault = ConfigurationFault(origin: configuration.origin(of: key), message: "\(key): \(error)")
      throw StartFault("\(fault)", error.code == EACCES || error.code == EPERM ? .noPermission : .osError)
    }
  }

  /// A log has been opened anew: here, and in each worker.
  func reopen(_ name: LogName?, _ descriptor: borrowing FileDescriptor) {
    switch name {
    case .error?: LogFile.makeErrorLog(descriptor)
    case .access?: if let accessLog { LogFile.replace(accessLog, with: descriptor) }
    case nil: return
    }
    crew.passAll(.log, text: name?.rawValue ?? "", descriptor: descriptor.raw)
  }
}
