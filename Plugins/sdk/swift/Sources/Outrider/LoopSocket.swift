import COutriderPlugin
import Glibc

/// A connection to another service, on the worker's loop: a task that waits for it keeps no thread.
///
/// One task at a time uses it. It is closed by `close`, and at the latest with the last reference. It can be opened from
/// `Plugin.workerStart` on, in workers only.
@Loop
public final class LoopSocket {
  private let descriptor: Int32
  private let watch: LoopWatch
  private var isOpen = true

  /// Takes over a stream socket, which is made non-blocking.
  public init(adopting descriptor: Int32, _ host: OutriderHost) throws {
    guard fcntl(descriptor, F_SETFL, fcntl(descriptor, F_GETFL) | O_NONBLOCK) == 0 else { throw SystemError("fcntl") }
    watch = try LoopWatch(descriptor, host)
    self.descriptor = descriptor
  }

  isolated deinit { close() }

  /// Connects by TCP to an address in numbers, "127.0.0.1" or "::1": to look up a name would block the loop.
  public static func connect(to address: String, port: Int, _ host: OutriderHost) async throws -> LoopSocket {
    var four = sockaddr_in()
    if unsafe inet_pton(AF_INET, address, &four.sin_addr) == 1 {
      four.sin_family = sa_family_t(AF_INET)
      four.sin_port = in_port_t(truncatingIfNeeded: port).bigEndian
      return try await connect(AF_INET, four, host)
    }
    var six = sockaddr_in6()
    guard unsafe inet_pton(AF_INET6, address, &six.sin6_addr) == 1 else { throw SystemError("inet_pton", EINVAL) }
    six.sin6_family = sa_family_t(AF_INET6)
    six.sin6_port = in_port_t(truncatingIfNeeded: port).bigEndian
    return try await connect(AF_INET6, six, host)
  }

  /// Reads what there is, at most `limit` bytes; waits if that is nothing. Returns nothing at the end of the stream.
  public func read(limit: Int = 16 * 1024) async throws -> [UInt8] {
    guard limit > 0 else { return [] }
    while true {
      try checkOpen("read")
      var error: Int32 = 0
      let bytes = unsafe [UInt8](unsafeUninitializedCapacity: limit) { buffer, count in
        let result = unsafe Glibc.recv(descriptor, buffer.baseAddress!, limit, 0)
        error = result < 0 ? errno : 0
        count = max(result, 0)
      }
      switch error {
      case 0: return bytes
      case EAGAIN: try await watch.wait(for: OUTRIDER_LOOP_READABLE | OUTRIDER_LOOP_PEER_CLOSED)
      case EINTR: continue
      default: throw SystemError("recv", error)
      }
    }
  }

  /// Writes all bytes; waits while the kernel has no room.
  public func write(_ bytes: [UInt8]) async throws {
    var start = 0
    while start < bytes.count {
      try checkOpen("write")
      let result = unsafe bytes.withUnsafeBytes {
        unsafe Glibc.send(descriptor, $0.baseAddress! + start, $0.count - start, Int32(MSG_NOSIGNAL))
      }
      if result >= 0 {
        start += result
      } else if errno == EAGAIN {
        try await watch.wait(for: OUTRIDER_LOOP_WRITABLE)
      } else if errno != EINTR {
        throw SystemError("send")
      }
    }
  }

  /// Closes the connection.
  public func close() {
    guard isOpen else { return }
    isOpen = false
    watch.end()
    Glibc.close(descriptor)
  }

  private func checkOpen(_ call: StaticString) throws {
    guard isOpen else { throw SystemError(call, EBADF) }
  }

  private static func connect<Address>(_ family: Int32, _ address: Address, _ host: OutriderHost) async throws
    -> LoopSocket
  {
    let descriptor = Glibc.socket(
      family, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue), 0)
    guard descriptor >= 0 else { throw SystemError("socket") }
    let socket: LoopSocket
    do { socket = try LoopSocket(adopting: descriptor, host) } catch {
      Glibc.close(descriptor)
      throw error
    }
    let result = unsafe withUnsafeBytes(of: address) {
      unsafe Glibc.connect(descriptor, $0.baseAddress!.assumingMemoryBound(to: sockaddr.self), socklen_t($0.count))
    }
    guard result != 0 else { return socket }
    guard errno == EINPROGRESS else { throw SystemError("connect") }
    try await socket.watch.wait(for: OUTRIDER_LOOP_WRITABLE)
    var error: Int32 = 0
    var size = socklen_t(MemoryLayout<Int32>.size)
    guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &size) == 0 else {
      throw SystemError("getsockopt")
    }
    guard error == 0 else { throw SystemError("connect", error) }
    return socket
  }
}

/// A system call that has failed.
public struct SystemError: Error, CustomStringConvertible {
  /// The number of the error, as errno has it.
  public let number: Int32
  /// The name of the call.
  public let call: StaticString

  /// The error of a call that has just failed, or of a number that is known.
  public init(_ call: StaticString, _ number: Int32 = errno) {
    self.call = call
    self.number = number
  }

  public var description: String { unsafe "\(call): \(String(cString: strerror(number)))" }
}
