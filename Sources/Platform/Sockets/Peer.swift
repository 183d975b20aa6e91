import CLinux
import Glibc

/// The address of a connection's client, as plain numbers, since there is one for each connection.
package struct Peer: Sendable {
  package enum Family: Sendable { case ipv4, ipv6, unix }

  /// The maximum number of bytes that `writeHost` writes.
  package static var hostCapacity: Int { Int(INET6_ADDRSTRLEN) }

  package let family: Family
  /// The address as a number, most significant byte first; an IPv4 address has the lower 32 bits.
  package let address: UInt128
  /// 0 for unix sockets.
  package let port: UInt16

  /// The address in `inet6`, of any family, as accept(2) stores it.
  init(_ inet6: sockaddr_in6) {
    switch CInt(inet6.sin6_family) {
    case AF_INET:
      let inet = unsafe withUnsafeBytes(of: inet6) { unsafe $0.load(as: sockaddr_in.self) }
      family = .ipv4
      address = UInt128(UInt32(bigEndian: inet.sin_addr.s_addr))
      port = UInt16(bigEndian: inet.sin_port)
    case AF_INET6:
      let number = unsafe withUnsafeBytes(of: inet6.sin6_addr) {
        unsafe UInt128(bigEndian: $0.loadUnaligned(as: UInt128.self))
      }
      // An IPv4 client on a socket for both families (RFC 4291 section 2.5.5.2).
      let isMapped = number >> 32 == 0xFFFF
      family = isMapped ? .ipv4 : .ipv6
      address = isMapped ? number & 0xFFFF_FFFF : number
      port = UInt16(bigEndian: inet6.sin6_port)
    default:
      family = .unix
      address = 0
      port = 0
    }
  }

  /// Writes the address without its port, in the form for logs and plugins. Returns the number of bytes; 0 for unix
  /// sockets.
  ///
  /// - Parameter output: room for `hostCapacity` bytes.
  package func writeHost(to output: UnsafeMutablePointer<UInt8>) -> Int {
    switch family {
    case .unix: return 0
    case .ipv4: return unsafe writeDotted(to: output)
    case .ipv6:
      var bytes = address.bigEndian
      let text = unsafe UnsafeMutableRawPointer(output).assumingMemoryBound(to: CChar.self)
      let written = unsafe inet_ntop(AF_INET6, &bytes, text, socklen_t(Peer.hostCapacity))
      return unsafe written == nil ? 0 : strlen(text)
    }
  }

  private func writeDotted(to output: UnsafeMutablePointer<UInt8>) -> Int {
    var count = 0
    var rest = UInt32(truncatingIfNeeded: address)
    for position in 0..<4 {
      let octet = UInt8(rest >> 24)
      rest <<= 8
      if position > 0 {
        unsafe output[count] = UInt8(ascii: ".")
        count += 1
      }
      if octet >= 100 {
        unsafe output[count] = UInt8(ascii: "0") + octet / 100
        count += 1
      }
      if octet >= 10 {
        unsafe output[count] = UInt8(ascii: "0") + octet / 10 % 10
        count += 1
      }
      unsafe output[count] = UInt8(ascii: "0") + octet % 10
      count += 1
    }
    return count
  }
}
