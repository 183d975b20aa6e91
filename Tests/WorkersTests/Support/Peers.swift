import Glibc

@testable import Platform

extension Peer {
  /// A client without an address.
  static var nobody: Peer { Peer(sockaddr_in6()) }
}
