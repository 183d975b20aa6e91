import Glibc
import IPC
import Platform

/// A listening socket of the supervisor itself: the metrics listener or the control socket.
final class AdminListener: Sendable {
  /// `metrics.bind` or `control.socket`.
  let name: String
  private let descriptor: FileDescriptor
  private let file: SocketFile?

  private static let backlog: CInt = 64

  /// The metrics listener, to which anyone may connect.
  convenience init(metrics name: String, user: ServiceUser?) throws(Errno) {
    guard let address = SocketAddress(text: name) else { throw Errno(code: EINVAL, attempt: "bind \(name)") }
    try self.init(address, name: name, mode: 0o666, user: user)
  }

  /// The control socket, to which only the owner of this process and root may connect.
  convenience init(control path: String, user: ServiceUser?) throws(Errno) {
    try self.init(.unix(path), name: path, mode: 0o600, user: user)
  }

  /// - Parameter user: the service's user; see `Folder`.
  private init(_ address: SocketAddress, name: String, mode: mode_t, user: ServiceUser?) throws(Errno) {
    let options = ListeningSocket.Options(backlog: AdminListener.backlog, mode: mode)
    descriptor = try ListeningSocket.open(address, name: name, options: options, user: user)
    file = SocketFile(boundTo: descriptor.raw, user: user)
    self.name = name
  }

  var raw: CInt { descriptor.raw }

  /// Removes the file of a unix socket; call it before the socket is closed.
  func removeFile() { file?.remove() }

  // MARK: Over an exec

  var fields: KeyedFields {
    var fields = KeyedFields("name", name)
    fields.set("descriptor", descriptor.raw)
    fields.set("file", file?.saved)
    return fields
  }

  init?(_ fields: KeyedFields) {
    guard let name = fields["name"], let fd = fields.number("descriptor", in: 3...CInt.max),
      ListeningSocket.isListening(fd)
    else { return nil }
    Process.closeOnExec(fd)
    descriptor = FileDescriptor(owning: fd)
    file = fields["file"].flatMap { SocketFile(boundTo: fd, saved: $0) }
    self.name = name
  }
}
