import COpenSSL
import Glibc

/// The server's side of TLS on a connected socket. The socket is nonblocking and remains its caller's.
///
/// A session belongs to the owner of the connection, one thread at a time. Each step returns what it needs from the
/// socket to continue; no step waits.
@safe
package struct TLSSession: ~Copyable {
  /// The maximum content of one record, in bytes (RFC 8446 section 5.1).
  package static let recordCapacity = 16_384

  let ssl: OpaquePointer
  private let watch: UnsafeMutablePointer<SessionWatch>
  private var subjectText: UnsafeMutablePointer<UInt8>?
  private var subjectCount = 0
  /// After `read`: the session holds no more bytes and, as of the last read, neither does the socket.
  package private(set) var isDrained = false
  /// The maximum number of bytes of one `write`: a record's capacity, or less if the client asks for smaller records
  /// (RFC 6066 section 4).
  package private(set) var writeLimit = recordCapacity
  /// A record was sent only in part: the next write must have the same bytes, or there is no next write.
  package private(set) var isWithinRecord = false
  /// The last step read many bytes with little content: other connections get their turn before the next read.
  private var owesTurn = false
  private var isFloodTold = false
  /// The kernel decrypts and returns one record for each read, so a short read does not mean that the socket is empty.
  private var receivesByRecord = false
  /// The kernel encrypts, so that `sendFile` can send files.
  package private(set) var sendsFiles = false

  /// A session that waits for the client's first bytes; nil if out of memory.
  package init?(_ context: borrowing TLSContext, descriptor: CInt) {
    ERR_clear_error()
    guard let ssl = unsafe SSL_new(context.raw) else { return nil }
    guard unsafe SSL_set_fd(ssl, descriptor) == 1 else {
      unsafe SSL_free(ssl)
      return nil
    }
    unsafe watch = .allocate(capacity: 1)
    unsafe watch.initialize(to: SessionWatch())
    unsafe SessionWatch.install(watch, in: ssl)
    unsafe SSL_set_accept_state(ssl)
    unsafe self.ssl = ssl
    unsafe subjectText = nil
  }

  deinit {
    unsafe SSL_free(ssl)
    unsafe watch.deallocate()
    unsafe subjectText?.deallocate()
  }

  // MARK: Steps

  /// Continues the handshake; `.done(0)` when it is complete.
  package mutating func handshake() -> TLSAction {
    begin(limit: SessionWatch.stepLimit)
    let result = unsafe SSL_do_handshake(ssl)
    guard result == 1 else { return action(after: result) }
    sendsFiles = unsafe outrider_BIO_get_ktls_send(SSL_get_wbio(ssl)) == 1
    receivesByRecord = unsafe outrider_BIO_get_ktls_recv(SSL_get_rbio(ssl)) == 1
    let size = unsafe SSL_SESSION_get_max_fragment_length(SSL_get_session(ssl))
    if 1...4 ~= size { writeLimit = 256 << Int(size) }
    rememberSubject()
    return .done(0)
  }

  /// Reads up to `capacity` bytes, from several records if these have already come.
  ///
  /// Returns `.cut` if the last read needed many bytes for little content, so that no client uses more than its share
  /// of time.
  package mutating func read(_ buffer: UnsafeMutableRawPointer, _ capacity: Int) -> TLSAction {
    if owesTurn {
      owesTurn = false
      return .cut
    }
    begin(limit: SessionWatch.stepLimit)
    isDrained = false
    var total = 0
    repeat {
      var count = 0
      let result = unsafe SSL_read_ex(ssl, buffer + total, capacity - total, &count)
      if unsafe watch.pointee.isFlooded { return .failed(TLSError(code: 0, isFlood: true)) }
      guard result == 1 else {
        let action = action(after: result)
        if total == 0 { return action }
        // Returns the bytes read so far. Any result but a lack of bytes occurs again with the next read.
        switch action {
        case .wantRead: isDrained = true
        case .cut: owesTurn = isPoor(total)
        default: break
        }
        return .done(total)
      }
      total += count
    } while total < capacity && (unsafe SSL_has_pending(ssl)) == 1
    if unsafe SSL_has_pending(ssl) == 1 { return .done(total) }
    isDrained = unsafe !receivesByRecord && watch.pointee.isShort
    // The session holds no bytes now, so the socket alone tells whether there is more.
    owesTurn = !isDrained && isPoor(total)
    return .done(total)
  }

  /// Whether the step read many bytes for so little content that other connections would wait too long.
  private func isPoor(_ content: Int) -> Bool {
    let taken = unsafe watch.pointee.taken
    return taken >= SessionWatch.stepLimit / 4 && content < taken / 4
  }

  /// Sends up to `writeLimit` bytes in one record.
  ///
  /// After `.wantWrite` or `.wantRead` the next call must begin with the same bytes; more may follow them.
  package mutating func write(_ bytes: UnsafeRawPointer, _ count: Int) -> TLSAction {
    begin(limit: .max)
    var written = 0
    let result = unsafe SSL_write_ex(ssl, bytes, min(count, writeLimit), &written)
    isWithinRecord = result != 1
    return result == 1 ? .done(written) : action(after: result)
  }

  /// Sends part of a file without reading it in user space. Only if `sendsFiles`. `.done(0)` means that the file is too
  /// short.
  package mutating func sendFile(_ file: CInt, offset: UInt64, count: UInt64) -> TLSAction {
    begin(limit: .max)
    let sent = unsafe SSL_sendfile(ssl, file, off_t(clamping: offset), Int(min(count, 1 << 30)), 0)
    isWithinRecord = sent < 0
    return sent >= 0 ? .done(sent) : action(after: CInt(sent))
  }

  /// Sends close_notify (RFC 8446 section 6.1), which tells the peer that nothing more will come; `.done(0)` when sent.
  package mutating func shutdown() -> TLSAction {
    begin(limit: .max)
    let result = unsafe SSL_shutdown(ssl)
    return result >= 0 ? .done(0) : action(after: result)
  }

  /// - Parameter limit: how many bytes the step may read from the socket. A writing step reads at most the rest of a
  ///   message.
  private func begin(limit: Int) {
    ERR_clear_error()
    unsafe watch.pointee.begin(limit: limit)
  }

  private func action(after result: CInt) -> TLSAction {
    let code = errno
    switch unsafe SSL_get_error(ssl, result) {
    case SSL_ERROR_WANT_READ: return unsafe watch.pointee.isCut ? .cut : .wantRead
    case SSL_ERROR_WANT_WRITE: return .wantWrite
    case SSL_ERROR_ZERO_RETURN: return .closed
    case SSL_ERROR_SYSCALL: return .failed(TLSError(code: 0, errno: code))
    default:
      let error = ERR_peek_error()
      ERR_clear_error()
      return .failed(TLSError(code: error))
    }
  }

  /// Whether the session failed because the client updates its keys too often. True only once, so that it is counted
  /// once.
  package mutating func takeFlood() -> Bool {
    guard !isFloodTold, unsafe watch.pointee.isFlooded else { return false }
    isFloodTold = true
    return true
  }

  // MARK: Negotiated parameters

  /// Whether client and listener have selected this protocol by ALPN (RFC 7301).
  package borrowing func hasAgreed(on name: StaticString) -> Bool {
    var agreed: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &agreed, &count)
    guard let agreed = unsafe agreed, Int(count) == name.utf8CodeUnitCount else { return false }
    return unsafe memcmp(agreed, name.utf8Start, Int(count)) == 0
  }

  /// The subject of the client's verified certificate in RFC 4514 format; empty if there is none. Valid as long as the
  /// session.
  package var subject: UnsafeBufferPointer<UInt8> {
    unsafe UnsafeBufferPointer(start: subjectText, count: subjectCount)
  }

  private mutating func rememberSubject() {
    guard let certificate = unsafe SSL_get0_peer_certificate(ssl), unsafe SSL_get_verify_result(ssl) == X509_V_OK,
      let text = unsafe BIO_new(BIO_s_mem())
    else { return }
    defer { unsafe BIO_free(text) }
    guard unsafe X509_NAME_print_ex(text, X509_get_subject_name(certificate), 0, outrider_XN_FLAG_RFC2253) >= 0 else {
      ERR_clear_error()
      return
    }
    var bytes: UnsafeMutablePointer<CChar>?
    let count = unsafe outrider_BIO_get_mem_data(text, &bytes)
    guard count > 0, let bytes = unsafe bytes else { return }
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: count)
    unsafe memcpy(copy, bytes, count)
    unsafe subjectText = copy
    subjectCount = count
  }
}
