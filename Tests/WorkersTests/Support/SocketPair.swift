import Glibc

/// Two ends of a connection in this process.
final class SocketPair {
  let server: CInt
  let client: CInt

  init() {
    var ends: [CInt] = [-1, -1]
    let kind = CInt(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
    _ = unsafe socketpair(AF_UNIX, kind, 0, &ends)
    (server, client) = (ends[0], ends[1])
  }

  deinit {
    Glibc.close(server)
    Glibc.close(client)
  }

  /// What has come at the client's end.
  func received() -> [UInt8] { readAll(client) }
}

/// All that can be read without waiting.
func readAll(_ fd: CInt) -> [UInt8] {
  var all: [UInt8] = []
  var room = [UInt8](repeating: 0, count: 65536)
  while true {
    let count = unsafe read(fd, &room, room.count)
    guard count > 0 else { return all }
    all += room.prefix(count)
  }
}

/// Sends all of it, which the socket has room for.
func send(_ bytes: [UInt8], to fd: CInt) -> Bool {
  unsafe bytes.withUnsafeBytes { unsafe Glibc.send(fd, $0.baseAddress, $0.count, CInt(MSG_NOSIGNAL)) } == bytes.count
}
