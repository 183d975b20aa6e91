/// Why a pid file can't be made.
package enum PidFileError: Error {
  /// Another process holds the lock; `by` is the text of the file.
  case held(path: String, by: String)
  case system(Errno)
}
