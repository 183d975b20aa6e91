import CLinux
import Glibc

/// The address of a socket or of its peer.
package enum SocketAddress: Sendable, Equatable {
  /// Four bytes in network order.
  case ipv4([UInt8], port: UInt16)
  /// Sixteen bytes in network order.
  case ipv6([UInt8], port: UInt16)
  /// A path; empty for a peer without a name.
  case unix(String)

  package var family: CInt {
    switch self {
    case .ipv4: AF_INET
    case .ipv6: AF_INET6
    case .unix: AF_UNIX
    }
  }

  /// The address without its port, in the form for logs and plugins; empty for unix sockets. An IPv4-mapped IPv6
  /// address is written as the IPv4 address.
  package var host: String {
    switch self {
    case .ipv4(let bytes, _): SocketAddress.ipv4Text(bytes)
    case .ipv6(let bytes, _): isMapped ? SocketAddress.ipv4Text(bytes.suffix(4)) : SocketAddress.ipv6Text(bytes)
    case .unix: ""
    }
  }

  /// Whether it is an IPv4-mapped IPv6 address (RFC 4291 section 2.5.5.2).
  var isMapped: Bool {
    guard case .ipv6(let bytes, _) = self else { return false }
    return bytes.prefix(12) == [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF]
  }

  private static func ipv4Text(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map(String.init).joined(separator: ".")
  }

  package var port: UInt16 {
    switch self {
    case .ipv4(_, let port), .ipv6(_, let port): port
    case .unix: 0
    }
  }

  private static func ipv6Text(_ bytes: [UInt8]) -> String {
    var text = [UInt8](repeating: 0, count: Int(INET6_ADDRSTRLEN))
    let written = unsafe text.withUnsafeMutableBytes { buffer in
      unsafe inet_ntop(
        AF_INET6, bytes, buffer.baseAddress!.assumingMemoryBound(to: CChar.self), socklen_t(buffer.count)) != nil
    }
    guard written else { return "" }
    return String(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
  }

  /// Calls `body` with the kernel's form of the address.
  func withSockaddr<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) throws(Errno) -> Result {
    var storage = sockaddr_storage()
    let size: Int
    switch self {
    case .ipv4(let bytes, let port):
      var address = sockaddr_in()
      address.sin_family = sa_family_t(AF_INET)
      address.sin_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &address.sin_addr) { unsafe $0.copyBytes(from: bytes) }
      size = MemoryLayout<sockaddr_in>.size
      unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in.self) }
    case .ipv6(let bytes, let port):
      var address = sockaddr_in6()
      address.sin6_family = sa_family_t(AF_INET6)
      address.sin6_port = port.bigEndian
      unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { unsafe $0.copyBytes(from: bytes) }
      size = MemoryLayout<sockaddr_in6>.size
      unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_in6.self) }
    case .unix(let path):
      var address = sockaddr_un()
      address.sun_family = sa_family_t(AF_UNIX)
      let bytes = Array(path.utf8)
      guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else {
        throw Errno(code: ENAMETOOLONG, attempt: "unix:\(path)")
      }
      unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: bytes) }
      size = MemoryLayout<sockaddr_un>.size
      unsafe withUnsafeMutableBytes(of: &storage) { unsafe $0.storeBytes(of: address, as: sockaddr_un.self) }
    }
    return unsafe withUnsafePointer(to: &storage) { pointer in
      unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, socklen_t(size)) }
    }
  }

  /// The address in `storage`, as stored by the kernel.
  init(_ storage: sockaddr_storage) {
    var storage = storage
    switch CInt(storage.ss_family) {
    case AF_INET:
      let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.load(as: sockaddr_in.self) }
      var bytes: [UInt8] = []
      unsafe withUnsafeBytes(of: address.sin_addr) { unsafe bytes.append(contentsOf: $0) }
      self = .ipv4(bytes, port: UInt16(bigEndian: address.sin_port))
    case AF_INET6:
      let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.load(as: sockaddr_in6.self) }
      var bytes: [UInt8] = []
      unsafe withUnsafeBytes(of: address.sin6_addr) { unsafe bytes.append(contentsOf: $0) }
      self = .ipv6(bytes, port: UInt16(bigEndian: address.sin6_port))
    case AF_UNIX:
      let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.load(as: sockaddr_un.self) }
      // Abstract sockets, whose names begin with a zero, count as nameless.
      self = .unix(
        unsafe withUnsafeBytes(of: address.sun_path) { path in
          unsafe String(decoding: path.prefix { $0 != 0 }, as: UTF8.self)
        })
    default: self = .unix("")
    }
  }
}
