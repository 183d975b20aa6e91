import Glibc
import Platform

/// A listening socket of the supervisor's own.
final class Door: Sendable {
  /// As configured: an address for metrics, a path for the control socket.
  let name: String
  private let descriptor: FileDescriptor
  private let file: SocketFile?

  /// Waiting connections; there are never many.
  private static let backlog: CInt = 64

  /// For metrics: anybody who can connect is welcome.
  convenience init(metrics name: String, user: ServiceUser?) throws(Errno) {
    guard let address = SocketAddress(text: name) else { throw Errno(code: EINVAL, attempt: "bind \(name)") }
    try self.init(address, name: name, mode: 0o666, user: user)
  }

  /// For control: nobody but the owner of this process, and root, can connect.
  convenience init(control path: String, user: ServiceUser?) throws(Errno) {
    try self.init(.unix(path), name: path, mode: 0o600, user: user)
  }

  /// - Parameter user: the service's; see `Folder`.
  private init(_ address: SocketAddress, name: String, mode: mode_t, user: ServiceUser?) throws(Errno) {
    let options = ListeningSocket.Options(backlog: Door.backlog, mode: mode)
    descriptor = try ListeningSocket.open(address, name: name, options: options, user: user)
    file = SocketFile(boundTo: descriptor.raw, user: user)
    self.name = name
  }

  var raw: CInt { descriptor.raw }

  /// A unix socket's file goes before the socket does.
  func removeFile() { file?.remove() }

  // MARK: Over an exec

  func savedLine(_ kind: String) -> String {
    StateText.line([kind, "\(descriptor.raw)", file?.saved ?? "-"], text: name)
  }

  init?(saved record: StateText.Record) {
    var record = record
    let fd = record.number(CInt.self)
    guard fd > 2, ListeningSocket.isListening(fd) else { return nil }
    Process.closeOnExec(fd)
    let saved = record.word()
    descriptor = FileDescriptor(owning: fd)
    file = SocketFile(boundTo: fd, saved: saved)
    name = record.text()
  }
}
