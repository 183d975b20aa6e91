import COpenSSL
import Glibc

/// The keys that session tickets are sealed with: the first seals, all of them open (RFC 5077 section 4).
///
/// The master makes them, so that whichever worker a client comes back to can read its ticket.
package struct TicketKeys: Sendable, Equatable {
  /// A new key seals from each rotation on; after this many its tickets are too old to be taken.
  package static let rotation: UInt64 = UInt64(TLSPolicy.ticketLifetime) * 1_000_000_000 / UInt64(capacity - 1)
  static let capacity = 3
  /// A name of 16 bytes, 32 for AES-256, 32 for HMAC-SHA-256.
  static let keySize = 16 + 32 + 32

  /// Key after key, as the channels carry them.
  package private(set) var bytes: [UInt8]

  /// One new key.
  package init() { bytes = TicketKeys.fresh() }

  /// Those that another process made; nil if they are none.
  package init?(bytes: [UInt8]) {
    guard !bytes.isEmpty, bytes.count % TicketKeys.keySize == 0, bytes.count <= TicketKeys.capacity * TicketKeys.keySize
    else { return nil }
    self.bytes = bytes
  }

  /// A new key seals from now on; the oldest goes.
  package mutating func rotate() {
    bytes = Array((TicketKeys.fresh() + bytes).prefix(TicketKeys.capacity * TicketKeys.keySize))
  }

  private static func fresh() -> [UInt8] {
    var generator = SystemRandomNumberGenerator()
    return (0..<keySize).map { _ in UInt8.random(in: .min ... .max, using: &generator) }
  }

  /// From now on sessions of this process use these keys. To be called by the thread that runs handshakes.
  package func install() {
    unsafe TicketKeys.installed.update(from: bytes, count: bytes.count)
    unsafe TicketKeys.installedCount = bytes.count / TicketKeys.keySize
  }

  // MARK: OpenSSL's callback

  /// Only the thread that runs handshakes touches these: the loop's, or the master's before it forks.
  nonisolated(unsafe) private static let installed = UnsafeMutablePointer<UInt8>.allocate(
    capacity: capacity * keySize)
  nonisolated(unsafe) private static var installedCount = 0

  typealias Callback =
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, CInt
    ) -> CInt

  /// Makes the ciphers ready to seal a ticket or to open one: 1 for yes, 2 for an old key, so that the client gets a new
  /// ticket, 0 for none of ours.
  static let sealOrOpen: Callback = { _, name, vector, cipher, mac, seals in
    guard let name = unsafe name, let vector = unsafe vector else { return -1 }
    if seals == 1 {
      guard unsafe installedCount > 0, unsafe RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1
      else {
        return unsafe installedCount > 0 ? -1 : 0
      }
      unsafe name.update(from: installed, count: 16)
      return unsafe prepare(installed, vector, cipher, mac, seals: true) ? 1 : -1
    }
    for index in unsafe 0..<installedCount {
      let key = unsafe installed + index * keySize
      guard unsafe memcmp(name, key, 16) == 0 else { continue }
      return unsafe prepare(key, vector, cipher, mac, seals: false) ? (index == 0 ? 1 : 2) : -1
    }
    return 0
  }

  private static func prepare(
    _ key: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
    _ mac: OpaquePointer?, seals: Bool
  ) -> Bool {
    let begun = unsafe EVP_CipherInit_ex(cipher, EVP_aes_256_cbc(), nil, key + 16, vector, seals ? 1 : 0)
    guard begun == 1 else { return false }
    return unsafe digestName.withUnsafeBufferPointer { digest in
      let parameters = unsafe [
        OSSL_PARAM_construct_utf8_string("digest", UnsafeMutablePointer(mutating: digest.baseAddress), 0),
        OSSL_PARAM_construct_end(),
      ]
      return unsafe EVP_MAC_init(mac, key + 48, 32, parameters) == 1
    }
  }

  private static let digestName = Array("SHA256".utf8CString)
}
