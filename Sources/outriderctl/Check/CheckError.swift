/// Why a check ends before it has a result.
enum CheckError: Error {
  /// There is no server to try the plugin in.
  case cannotRun(String)
  /// A signal asks this process to end.
  case interrupted
}
