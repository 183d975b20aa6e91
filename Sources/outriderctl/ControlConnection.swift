import Control
import Glibc
import Platform

/// A connection to the control socket of a server, for one command.
struct ControlConnection: ~Copyable {
  private let descriptor: FileDescriptor
  private let path: String

  /// The time limit for a response. A reload responds after up to `server.boot_timeout`, and after a reload that is
  /// already in progress; an upgrade responds after those.
  private static let timeout = 10 * Clock.nanosecondsPerSecond
  private static let reloadTimeout = 7200 * Clock.nanosecondsPerSecond
  /// The maximum size of a response.
  private static let maxResponseSize = 64 << 20

  init(path: String) throws(CommandError) {
    do throws(Errno) {
      descriptor = try ClientSocket.connect(unix: path)
    } catch {
      let advice =
        switch error.code {
        case EACCES, EPERM: "only the server's owner and root may"
        case ENOENT: "no server has its control.socket there; name another with -s"
        case ECONNREFUSED: "no server listens there"
        case ETIMEDOUT: "the server there accepts no connection"
        default: ""
        }
      let isForbidden = error.code == EACCES || error.code == EPERM
      throw CommandError(
        reason: "\(error)\(advice.isEmpty ? "" : " (\(advice))")", code: isForbidden ? .noPermission : .unavailable)
    }
    self.path = path
  }

  /// The socket to use without `-s`: the default socket, or that of the user's only server without a configuration
  /// file.
  static func defaultPath() throws(CommandError) -> String {
    let path = ControlCommand.defaultSocket
    if ClientSocket.canConnect(unix: path) { return path }
    let own = DefaultControlSocket.all
    guard own.count < 2 else {
      throw CommandError(
        reason: "several of your servers are running; name one with -s: \(own.joined(separator: ", "))", code: .usage)
    }
    return own.first ?? path
  }

  /// Refuses a server of another user: it gets no command, and its responses are not trusted. Root may control all
  /// servers.
  private func checkOwner() throws(CommandError) {
    guard !Account.isRoot, !ConnectedSocket.isPeerTrusted(descriptor.raw) else { return }
    throw CommandError(
      reason: "\(path): the process that listens there is neither root's nor yours", code: .noPermission)
  }

  /// Sends a command, and returns its result.
  func send(_ command: ControlCommand) throws(CommandError) -> JSON {
    let isLong = command == .reload || command == .upgrade
    let timeout = isLong ? ControlConnection.reloadTimeout : ControlConnection.timeout
    let deadline = Clock.monotonic() &+ timeout
    try checkOwner()
    try write(Array("\(command.json)\n".utf8), deadline)
    let line = try receive(deadline)
    guard let response = try? JSONReader.read(line), let ok = response["ok"]?.truth else {
      throw CommandError(reason: "\(path): the process that listens there is not outrider", code: .software)
    }
    guard ok else {
      throw CommandError(
        reason: response["error"]?.text.map { PrintableText.escaped($0) } ?? "refused", code: .software)
    }
    return response["result"] ?? .null
  }

  private func write(_ bytes: [UInt8], _ deadline: UInt64) throws(CommandError) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe ConnectedSocket.send(descriptor.raw, bytes.baseAddress! + sent, bytes.count - sent)  // not empty
      }
      if count > 0 { sent += count } else { try wait(writing: true, deadline) }
    }
  }

  private func receive(_ deadline: UInt64) throws(CommandError) -> [UInt8] {
    var response: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { bytes in
        unsafe ConnectedSocket.receive(descriptor.raw, bytes.baseAddress!, bytes.count)  // not empty
      }
      if count < 0 {
        try wait(writing: false, deadline)
        continue
      }
      guard count > 0, response.count < ControlConnection.maxResponseSize else {
        throw CommandError(
          reason: "\(path): the server closed the connection without a response", code: .unavailable)
      }
      response += chunk[..<count]
      if response.last == UInt8(ascii: "\n") { return response }
    }
  }

  private func wait(writing: Bool, _ deadline: UInt64) throws(CommandError) {
    guard errno == EAGAIN else {
      throw CommandError(reason: "\(Errno.last("communicate over \(path)"))", code: .unavailable)
    }
    guard ConnectedSocket.wait(descriptor.raw, writing: writing, deadline: deadline) else {
      throw CommandError(reason: "\(path): the server does not respond", code: .unavailable)
    }
  }
}
