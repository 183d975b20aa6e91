import Glibc
import Platform
import Testing

@Suite struct SocketFileTests {
  /// A socket of somebody else that is moved into the place of one's own, before anybody has asked for its identity.
  @Test(.enabled(if: mayAskForFiles))
  func anotherSocketInItsPlaceIsNotChanged() throws {
    let path = "/tmp/outrider-socket-\(getpid())"
    let other = path + "-other"
    defer { for path in [path, other] { _ = unsafe unlink(path) } }
    let options = ListeningSocket.Options(backlog: 1, mode: 0o600)
    let own = try ListeningSocket.open(.unix(path), name: "own", options: options)
    let others = try ListeningSocket.open(.unix(other), name: "other", options: options)
    let moved = unsafe rename(other, path)
    try #require(moved == 0)
    let file = SocketFile(boundTo: own.raw, user: nil)
    #expect(file != nil)
    try ListeningSocket.change(own.raw, file: file, ListeningSocket.Options(backlog: 1, mode: 0o666))
    #expect(mode(of: path) == 0o600)
    file?.remove()
    #expect(mode(of: path) == 0o600)
    SocketFile(boundTo: others.raw, user: nil)?.remove()
    #expect(mode(of: path) == 0o600, "it is bound to another name")
  }

  /// CAP_NET_ADMIN.
  private static var mayAskForFiles: Bool {
    let bytes = try? FileContents.prefix(path: "/proc/self/status", count: 8192)
    let line = String(decoding: bytes ?? [], as: UTF8.self).split(separator: "\n").first { $0.hasPrefix("CapEff:") }
    return line.flatMap { UInt64($0.split(separator: "\t").last ?? "", radix: 16) }.map { $0 >> 12 & 1 == 1 } ?? false
  }

  private func mode(of path: String) -> mode_t? {
    var status = stat()
    guard unsafe stat(path, &status) == 0 else { return nil }
    return status.st_mode & 0o777
  }
}
