import COpenSSL
import Platform

/// What OpenSSL's callbacks note about one session, and the limits of its steps.
///
/// A client can keep OpenSSL busy without sending content, by key updates, refused renegotiations and empty records.
/// OpenSSL continues within one call as long as the socket has more of them. So the socket's read callback ends a step.
@safe
struct SessionWatch {
  /// The maximum number of bytes that one step reads from the socket: two records of maximum size. A read that has
  /// begun is completed.
  static let stepLimit = 2 * (TLSSession.recordCapacity + recordOverhead)
  /// Header, nonce, padding and tag of a record (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
  private static let recordOverhead = 256
  /// How often a client may update its keys or request a new handshake in a second; see `Refusal.keyUpdateFlood`.
  /// Regular clients need a key update only after gigabytes (RFC 8446 section 5.5).
  static let rekeysPerSecond = 32

  /// How many bytes the current step may read from the socket, and how many it has read.
  private var limit = 0
  private(set) var taken = 0
  /// The step was ended so that other connections get their turn.
  private(set) var isCut = false
  /// The last read returned fewer bytes than requested: the socket was empty then, and the next byte causes an edge.
  private(set) var isShort = false
  /// The client has exceeded `rekeysPerSecond`. Never reset.
  private(set) var isFlooded = false
  /// The second that `rekeys` counts, of the monotonic clock.
  private var second: UInt64 = 0
  private var rekeys = 0

  /// Begins a step that may read `limit` bytes from the socket.
  mutating func begin(limit: Int) {
    self.limit = isFlooded ? 0 : limit
    taken = 0
    isCut = false
    isShort = false
  }

  /// Whether OpenSSL may read the socket again.
  fileprivate mutating func admitsRead() -> Bool {
    if taken < limit { return true }
    isCut = true
    return false
  }

  fileprivate mutating func noteRead(_ count: Int, of wanted: Int) {
    isShort = count > 0 && count < wanted
    taken &+= count
  }

  fileprivate mutating func countRekey() {
    let present = Clock.monotonic() / Clock.nanosecondsPerSecond
    if present != second { (second, rekeys) = (present, 0) }
    rekeys += 1
    guard rekeys > SessionWatch.rekeysPerSecond else { return }
    isFlooded = true
    limit = 0
  }

  // MARK: OpenSSL's callbacks

  /// Installs the callbacks for socket reads and key changes.
  ///
  /// - Parameter watch: must outlive the session.
  static func install(_ watch: UnsafeMutablePointer<SessionWatch>, in ssl: OpaquePointer) {
    let socket = unsafe SSL_get_rbio(ssl)
    unsafe BIO_set_callback_arg(socket, UnsafeMutableRawPointer(watch).assumingMemoryBound(to: CChar.self))
    unsafe BIO_set_callback_ex(socket, watchSocket)
    unsafe SSL_set_info_callback(ssl, watchKeys)
  }

  fileprivate static func of(_ socket: OpaquePointer?) -> UnsafeMutablePointer<SessionWatch>? {
    guard let argument = unsafe BIO_get_callback_arg(socket) else { return nil }
    return unsafe UnsafeMutableRawPointer(argument).assumingMemoryBound(to: SessionWatch.self)
  }
}

/// Called before and after each read of the socket.
private let watchSocket: BIO_callback_fn_ex = { socket, operation, _, wanted, _, _, result, moved in
  guard let watch = unsafe SessionWatch.of(socket) else { return CLong(result) }
  switch operation {
  case BIO_CB_READ:
    if unsafe watch.pointee.admitsRead() { return CLong(result) }
    // The same result as for an empty socket: OpenSSL continues at this point in the next step.
    unsafe outrider_BIO_clear_retry_flags(socket)
    unsafe outrider_BIO_set_retry_read(socket)
    return -1
  case BIO_CB_READ | BIO_CB_RETURN:
    unsafe watch.pointee.noteRead(result == 1 ? (moved?.pointee ?? 0) : 0, of: wanted)
    return CLong(result)
  default: return CLong(result)
  }
}

/// Called when OpenSSL's state machine advances, and when it sends an alert.
private let watchKeys: @convention(c) (OpaquePointer?, CInt, CInt) -> Void = { ssl, event, value in
  let isRekey =
    event == SSL_CB_ACCEPT_LOOP
    ? unsafe SSL_get_state(ssl) == TLS_ST_SR_KEY_UPDATE
    : event == SSL_CB_WRITE_ALERT && value & 0xFF == SSL_AD_NO_RENEGOTIATION
  if isRekey { unsafe SessionWatch.of(SSL_get_rbio(ssl))?.pointee.countRekey() }
}
