import Glibc

/// The control sockets of servers without a configuration file. Each is in a folder of its user, and named by the
/// supervisor's pid.
package enum DefaultControlSocket {
  private static let prefix = "outrider-"
  private static let suffix = ".sock"
  /// For a user without a runtime folder. Anyone can make files there: the owner is checked before a bind, connect or
  /// remove.
  private static let sharedFolder = "/tmp"
  /// The maximum number of sockets that are found.
  private static let limit = 64

  package static func path(ofSupervisor pid: pid_t) -> String {
    "\(ownFolder ?? sharedFolder)/\(prefix)\(pid)\(suffix)"
  }

  /// `XDG_RUNTIME_DIR`, if only this user can access it. After su, root often has the value of another user.
  private static var ownFolder: String? {
    guard let path = Process.environment("XDG_RUNTIME_DIR"), path.utf8.first == UInt8(ascii: "/") else { return nil }
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFDIR, status.st_uid == geteuid(),
      status.st_mode & 0o077 == 0
    else { return nil }
    // Leaves room for the longest name of a socket.
    return path.utf8.count <= 80 ? path : nil
  }

  /// The sockets of this user on which a process listens.
  package static var all: [String] {
    [ownFolder, sharedFolder].compactMap { $0 }.flatMap { listening(in: $0) }
  }

  /// Skips the sockets of killed servers.
  private static func listening(in folder: String) -> [String] {
    var found: [String] = []
    for name in names(in: folder).sorted() where found.count < limit {
      let path = "\(folder)/\(name)"
      if isOwn(path) && ClientSocket.canConnect(unix: path) { found.append(path) }
    }
    return found
  }

  private static func names(in folder: String) -> [String] {
    guard let directory = unsafe opendir(folder) else { return [] }
    defer { unsafe closedir(directory) }
    var names: [String] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      let number = name.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
      guard name.hasPrefix(prefix), name.hasSuffix(suffix), !number.isEmpty,
        number.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) })
      else { continue }
      names.append(name)
    }
    return names
  }

  private static func isOwn(_ path: String) -> Bool {
    var status = stat()
    return unsafe lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK && status.st_uid == geteuid()
  }
}
