import COpenSSL
import Glibc

/// The keys of session tickets: the first encrypts, all of them decrypt (RFC 5077 section 4).
///
/// The master makes them and the next master takes them over. Every worker of every generation can therefore decrypt
/// the tickets of returning clients.
package struct TicketKeys: Sendable, Equatable {
  /// A key encrypts tickets for so many nanoseconds. It decrypts until the last ticket that it has encrypted expires.
  package static let interval = UInt64(TLSPolicy.ticketLifetime) * 1_000_000_000 / UInt64(capacity - 1)
  private static let capacity = 3

  /// One key with its name, which tickets contain to identify it.
  private struct Key: Equatable {
    static let nameSize = 16
    static let secretSize = 32
    static let size = nameSize + 2 * secretSize

    /// Name, AES-256 key and HMAC-SHA-256 key, one after the other.
    let bytes: [UInt8]
    /// Monotonic nanoseconds.
    let madeAt: UInt64
  }

  /// The newest first.
  private var keys: [Key]

  /// Makes one new key.
  package init(now: UInt64) { keys = [TicketKeys.fresh(now)] }

  /// When the next rotation is due, in monotonic nanoseconds.
  package var rotatesAt: UInt64 { keys[0].madeAt &+ TicketKeys.interval }

  /// Makes a new key for encryption; removes the oldest.
  package mutating func rotate(now: UInt64) {
    keys = Array(([TicketKeys.fresh(now)] + keys).prefix(TicketKeys.capacity))
  }

  private static func fresh(_ now: UInt64) -> Key {
    var generator = SystemRandomNumberGenerator()
    return Key(bytes: (0..<Key.size).map { _ in UInt8.random(in: .min ... .max, using: &generator) }, madeAt: now)
  }

  // MARK: Between processes

  /// The format for channels: a line for each key, with its time and its bytes in hexadecimal digits.
  package var text: String {
    keys.map { key in "\(key.madeAt) \(TicketKeys.hexadecimal(key.bytes))\n" }.joined()
  }

  /// Keys that another process made; nil for malformed text.
  package init?(text: String) {
    keys = []
    for line in text.split(separator: "\n").prefix(TicketKeys.capacity) {
      let words = line.split(separator: " ")
      guard words.count == 2, let madeAt = UInt64(words[0]), let bytes = TicketKeys.bytes(words[1]),
        bytes.count == Key.size
      else { return nil }
      keys.append(Key(bytes: bytes, madeAt: madeAt))
    }
    if keys.isEmpty { return nil }
  }

  private static func hexadecimal(_ bytes: [UInt8]) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }

  private static func bytes(_ digits: Substring) -> [UInt8]? {
    var bytes: [UInt8] = []
    var high: UInt8?
    for digit in digits {
      guard let value = digit.hexDigitValue else { return nil }
      if let first = high {
        bytes.append(first << 4 | UInt8(value))
        high = nil
      } else {
        high = UInt8(value)
      }
    }
    return high == nil ? bytes : nil
  }

  // MARK: OpenSSL's callback

  /// Makes the sessions of this process use these keys. Called by the thread that runs handshakes.
  package func install() {
    for (index, key) in keys.enumerated() {
      unsafe (TicketKeys.installed + index * Key.size).update(from: key.bytes, count: Key.size)
    }
    unsafe TicketKeys.installedCount = keys.count
  }

  /// Used only by the thread that runs handshakes: the loop's, or the master's before it forks.
  nonisolated(unsafe) private static let installed = UnsafeMutablePointer<UInt8>.allocate(
    capacity: capacity * Key.size)
  nonisolated(unsafe) private static var installedCount = 0

  typealias Callback =
    @convention(c) (
      OpaquePointer?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt8>?, OpaquePointer?, OpaquePointer?, CInt
    ) -> CInt

  /// Prepares the ciphers to encrypt or decrypt a ticket. Returns 1 for success, 2 if the key is old and the client
  /// should get a new ticket, 0 for an unknown key.
  static let sealOrOpen: Callback = { _, name, vector, cipher, mac, seals in
    guard let name = unsafe name, let vector = unsafe vector else { return -1 }
    if seals == 1 {
      guard unsafe installedCount > 0 else { return 0 }
      guard unsafe RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1 else { return -1 }
      unsafe name.update(from: installed, count: Key.nameSize)
      return unsafe prepare(installed, vector, cipher, mac, seals: true) ? 1 : -1
    }
    for index in unsafe 0..<installedCount {
      let key = unsafe installed + index * Key.size
      guard unsafe memcmp(name, key, Key.nameSize) == 0 else { continue }
      return unsafe prepare(key, vector, cipher, mac, seals: false) ? (index == 0 ? 1 : 2) : -1
    }
    return 0
  }

  private static func prepare(
    _ key: UnsafeMutablePointer<UInt8>, _ vector: UnsafeMutablePointer<UInt8>, _ cipher: OpaquePointer?,
    _ mac: OpaquePointer?, seals: Bool
  ) -> Bool {
    let begun = unsafe EVP_CipherInit_ex(
      cipher, EVP_aes_256_cbc(), nil, key + Key.nameSize, vector, seals ? 1 : 0)
    guard begun == 1 else { return false }
    return unsafe EVP_MAC_init(mac, key + Key.nameSize + Key.secretSize, Key.secretSize, digest) == 1
  }

  /// The digest of the MAC as a parameter. It points to strings, which are therefore never freed.
  nonisolated(unsafe) private static let digest: UnsafePointer<OSSL_PARAM> = {
    let parameters = UnsafeMutablePointer<OSSL_PARAM>.allocate(capacity: 2)
    unsafe parameters.initialize(to: OSSL_PARAM_construct_utf8_string(strdup("digest"), strdup("SHA256"), 0))
    unsafe (parameters + 1).initialize(to: OSSL_PARAM_construct_end())
    return unsafe UnsafePointer(parameters)
  }()
}
