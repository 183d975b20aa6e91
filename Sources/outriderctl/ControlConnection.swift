import Control
import Glibc
import Platform

/// A connection to the control socket of a server, for one order.
struct ControlConnection: ~Copyable {
  private let descriptor: FileDescriptor
  private let path: String

  /// How long an answer may take; a reload takes as long as `server.boot_timeout`, and another that runs before it.
  private static let patience = 10 * Clock.nanosecondsPerSecond
  private static let reloadPatience = 7200 * Clock.nanosecondsPerSecond
  /// A server says no more than this at once.
  private static let longestAnswer = 64 << 20

  init(path: String) throws(Failure) {
    do throws(Errno) {
      descriptor = try ClientSocket.connect(unix: path)
    } catch {
      let advice =
        switch error.code {
        case EACCES, EPERM: "only the server's owner and root may"
        case ENOENT: "no server with control.socket there; -s names another"
        case ECONNREFUSED: "no server runs there"
        default: ""
        }
      let isForbidden = error.code == EACCES || error.code == EPERM
      throw Failure(
        reason: "\(error)\(advice.isEmpty ? "" : " (\(advice))")", code: isForbidden ? .noPermission : .unavailable)
    }
    self.path = path
  }

  /// A server of root's or of one's own answers. What somebody else lets answer at the path is no news of the server, and no
  /// order reaches it. Root speaks with everybody's servers.
  private func checkOwner() throws(Failure) {
    guard !Account.isRoot, !Connections.isPeerTrusted(descriptor.raw) else { return }
    throw Failure(reason: "\(path): what answers there is neither root's nor yours", code: .noPermission)
  }

  /// The result of an order.
  func ask(_ order: ControlOrder) throws(Failure) -> JSON {
    let patience = order == .reload ? ControlConnection.reloadPatience : ControlConnection.patience
    let deadline = Clock.monotonic() &+ patience
    try checkOwner()
    try send(Array("\(order.json)\n".utf8), deadline)
    let line = try receive(deadline)
    guard let answer = try? JSONReader.read(line), let ok = answer["ok"]?.truth else {
      throw Failure(reason: "\(path): what answers there is no outrider", code: .software)
    }
    guard ok else {
      throw Failure(reason: answer["error"]?.text.map { PrintableText.escaped($0) } ?? "refused", code: .software)
    }
    return answer["result"] ?? .null
  }

  private func send(_ bytes: [UInt8], _ deadline: UInt64) throws(Failure) {
    var sent = 0
    while sent < bytes.count {
      let count = unsafe bytes.withUnsafeBytes { bytes in
        unsafe Connections.send(descriptor.raw, bytes.baseAddress! + sent, bytes.count - sent)  // not empty
      }
      if count > 0 { sent += count } else { try wait(writing: true, deadline) }
    }
  }

  private func receive(_ deadline: UInt64) throws(Failure) -> [UInt8] {
    var answer: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65_536)
    while true {
      let count = unsafe chunk.withUnsafeMutableBytes { bytes in
        unsafe Connections.receive(descriptor.raw, bytes.baseAddress!, bytes.count)  // not empty
      }
      if count < 0 {
        try wait(writing: false, deadline)
        continue
      }
      guard count > 0, answer.count < ControlConnection.longestAnswer else {
        throw Failure(reason: "\(path): the server has closed the connection without an answer", code: .unavailable)
      }
      answer += chunk[..<count]
      if answer.last == UInt8(ascii: "\n") { return answer }
    }
  }

  private func wait(writing: Bool, _ deadline: UInt64) throws(Failure) {
    guard errno == EAGAIN else {
      throw Failure(reason: "\(Errno.last("talk to \(path)"))", code: .unavailable)
    }
    guard Connections.wait(descriptor.raw, writing: writing, deadline: deadline) else {
      throw Failure(reason: "\(path): the server does not answer", code: .unavailable)
    }
  }
}
