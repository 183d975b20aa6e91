import Glibc

/// The file that a plugin's code is mapped from. If it is truncated or overwritten, running the code raises SIGBUS or
/// has undefined behaviour.
struct PluginFile {
  private var device: dev_t = 0
  private var number: ino_t = 0
  private var size: off_t = 0
  private var written = timespec()

  init() {}

  init(_ status: stat) {
    device = status.st_dev
    number = status.st_ino
    size = status.st_size
    written = status.st_mtim
  }

  /// Whether the file at `path` is the same file and has been written to. A file that has replaced it does not matter.
  func hasChanged(at path: String) -> Bool {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return false }
    guard status.st_dev == device && status.st_ino == number else { return false }
    return status.st_size != size || status.st_mtim.tv_sec != written.tv_sec
      || status.st_mtim.tv_nsec != written.tv_nsec
  }
}
