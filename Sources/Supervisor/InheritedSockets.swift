import CSystemd
import Glibc
import IPC
import Platform

/// The listening sockets that this process was started with, by systemd or another parent.
enum InheritedSockets {
  struct Socket {
    let descriptor: CInt
    /// Nil for a socket that systemd has not passed.
    let systemdName: String?
  }

  /// systemd's limit (sd_listen_fds(3)).
  private static let longestName = 255

  /// Takes all of them, and removes LISTEN_FDS and related variables from the environment.
  static func take() throws(InheritedSocketError) -> [Socket] {
    var names: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?
    let count = unsafe sd_listen_fds_with_names(1, &names)
    guard count >= 0 else { throw InheritedSocketError(description: "LISTEN_FDS: \(Errno.reason(-count))") }
    guard count <= MasterLimits.listeners else {
      throw InheritedSocketError(description: "LISTEN_FDS: more than \(MasterLimits.listeners) sockets")
    }
    defer { unsafe free(names) }
    var sockets: [Socket] = []
    for index in 0..<count {
      let descriptor = SD_LISTEN_FDS_START + index
      var name = "unknown"
      if let text = unsafe names?[Int(index)] {
        unsafe name = String(cString: text)
        unsafe free(text)
      }
      guard name.utf8.count <= longestName, name.utf8.allSatisfy({ (0x20...0x7E).contains($0) }) else {
        throw InheritedSocketError(
          description: "LISTEN_FDNAMES: \(PrintableText.escaped(name, limit: longestName)) is no name")
      }
      guard ListeningSocket.isListening(descriptor) else {
        throw InheritedSocketError(
          description: "LISTEN_FDS: \(name) (descriptor \(descriptor)) is no listening stream socket")
      }
      sockets.append(Socket(descriptor: descriptor, systemdName: name))
    }
    for descriptor in openDescriptors where !sockets.contains(where: { $0.descriptor == descriptor }) {
      if ListeningSocket.isListening(descriptor) {
        sockets.append(Socket(descriptor: descriptor, systemdName: nil))
      }
    }
    for socket in sockets { ListeningSocket.adopt(socket.descriptor) }
    return sockets
  }

  private static var openDescriptors: [CInt] {
    guard let directory = unsafe opendir("/proc/self/fd") else { return [] }
    defer { unsafe closedir(directory) }
    var descriptors: [CInt] = []
    while let entry = unsafe readdir(directory) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if let descriptor = CInt(name), descriptor > 2 { descriptors.append(descriptor) }
    }
    return descriptors.sorted()
  }
}

/// Why an inherited socket can't be served.
struct InheritedSocketError: Error {
  let description: String
}
