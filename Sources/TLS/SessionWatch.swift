import COpenSSL
import Platform

/// What OpenSSL's callbacks learn of one session, and how they bound its steps.
///
/// A client can make OpenSSL work without giving it content: by key updates, refused renegotiations, empty records. Within
/// one call OpenSSL goes on as long as the socket has more of them, so the socket itself says when a step is over.
@safe
struct SessionWatch {
  /// How many bytes of the socket one step may take: two records of the largest size. A read that has begun is not cut.
  static let stepLimit = 2 * (TLSSession.recordCapacity + recordOverhead)
  /// Header, nonce, padding and tag of a record (RFC 8446 section 5.2, RFC 5246 section 6.2.3).
  private static let recordOverhead = 256
  /// How often within a second a client may change its keys or ask for a new handshake; `Refusal.keyUpdateFlood` says it.
  /// Nobody needs to before many gigabytes (RFC 8446 section 5.5).
  static let rekeysPerSecond = 32

  /// How many bytes the present step may take of the socket, and how many it has taken.
  private var limit = 0
  private(set) var taken = 0
  /// The step has been ended for the sake of others.
  private(set) var isCut = false
  /// The last read of the socket had fewer bytes than were asked for: it was empty then, and the next byte is an edge.
  private(set) var isShort = false
  /// There have been more key updates or attempts to renegotiate than `rekeysPerSecond`. For good.
  private(set) var isFlooded = false
  /// The second that is counted, of the monotonic clock.
  private var second: UInt64 = 0
  private var rekeys = 0

  /// A step begins that may take this much of the socket.
  mutating func begin(limit: Int) {
    self.limit = isFlooded ? 0 : limit
    taken = 0
    isCut = false
    isShort = false
  }

  /// Whether OpenSSL may read the socket once more.
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

  /// Lets OpenSSL tell the watch of what it reads, and of what the client does to the keys.
  ///
  /// - Parameter watch: has to outlive the session.
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

/// Before and after each read of the socket.
private let watchSocket: BIO_callback_fn_ex = { socket, operation, _, wanted, _, _, result, moved in
  guard let watch = unsafe SessionWatch.of(socket) else { return CLong(result) }
  switch operation {
  case BIO_CB_READ:
    if unsafe watch.pointee.admitsRead() { return CLong(result) }
    // As a socket without bytes: OpenSSL comes back to this point in the next step.
    unsafe outrider_BIO_clear_retry_flags(socket)
    unsafe outrider_BIO_set_retry_read(socket)
    return -1
  case BIO_CB_READ | BIO_CB_RETURN:
    unsafe watch.pointee.noteRead(result == 1 ? (moved?.pointee ?? 0) : 0, of: wanted)
    return CLong(result)
  default: return CLong(result)
  }
}

/// While OpenSSL's machine of states moves, and when it sends an alert.
private let watchKeys: @convention(c) (OpaquePointer?, CInt, CInt) -> Void = { ssl, event, value in
  let isRekey =
    event == SSL_CB_ACCEPT_LOOP
    ? unsafe SSL_get_state(ssl) == TLS_ST_SR_KEY_UPDATE
    : event == SSL_CB_WRITE_ALERT && value & 0xFF == SSL_AD_NO_RENEGOTIATION
  if isRekey { unsafe SessionWatch.of(SSL_get_rbio(ssl))?.pointee.countRekey() }
}
