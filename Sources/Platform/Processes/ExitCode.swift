/// Exit codes of processes, after sysexits.h.
package enum ExitCode: Int32, Error, Sendable {
  case ok = 0
  case usage = 64
  case noInput = 66
  case unavailable = 69
  case software = 70
  case osError = 71
  case ioError = 74
  case noPermission = 77
  case configuration = 78
}
