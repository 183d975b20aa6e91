import Configuration
import Glibc
import IPC
import Platform

// The logs of a generation: opened while the master is root, and replaced when the supervisor sends reopened ones.

extension MasterProcess {
  /// - Returns: nil if the error log is standard error.
  static func openErrorLog(
    _ configuration: Configuration, _ user: ServiceUser?
  ) throws(StartError) -> FileDescriptor? {
    guard let path = configuration.settings.log.errorFile else { return nil }
    return try open(path, "log.error", configuration, user)
  }

  /// - Returns: nil if there is no access log.
  static func openAccessLog(_ configuration: Configuration, _ user: ServiceUser?) throws(StartError) -> CInt? {
    let log = configuration.settings.log
    if let path = log.accessFile { return try open(path, "log.access", configuration, user).release() }
    return log.access == "stdout" ? LogSink.openStandardOutput()?.release() : nil
  }

  private static func open(
    _ path: String, _ key: String, _ configuration: Configuration, _ user: ServiceUser?
  ) throws(StartError) -> FileDescriptor {
    do throws(Errno) {
      return try LogFile.open(path, user: user)
    } catch {
      let diagnostic = ConfigurationDiagnostic(origin: configuration.origin(of: key), message: "\(key): \(error)")
      throw StartError("\(diagnostic)", error.code == EACCES || error.code == EPERM ? .noPermission : .osError)
    }
  }

  /// Replaces a log by a reopened one, here and in each worker.
  func replaceLog(_ name: LogName, _ descriptor: borrowing FileDescriptor) {
    switch name {
    case .error: LogFile.makeErrorLog(descriptor)
    case .access: if let accessLog { LogFile.replace(accessLog, with: descriptor) }
    }
    channels.broadcast(.log, name.fields, descriptor: descriptor.raw)
  }
}
