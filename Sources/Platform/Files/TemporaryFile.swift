import CLinux
import Glibc

/// A file without a name, which is deleted when its last descriptor is closed.
package enum TemporaryFile {
  /// Made in the folder that TMPDIR names, or in /var/tmp: on many machines /tmp is in memory.
  package static func open() throws(Errno) -> FileDescriptor {
    let folder = Process.environment("TMPDIR").flatMap { $0.isEmpty ? nil : $0 } ?? "/var/tmp"
    // O_TMPFILE, which is O_DIRECTORY and a bit of its own (open(2)).
    let raw = unsafe outrider_open(folder, O_RDWR | O_CLOEXEC | CInt(OUTRIDER_O_TMPFILE), 0o600)
    guard raw >= 0 else { throw .last("make a temporary file in \(folder)") }
    return FileDescriptor(owning: raw)
  }
}
