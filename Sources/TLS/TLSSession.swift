import COpenSSL
import Glibc

/// The server's side of TLS on one connected socket, which stays its caller's and does not block.
///
/// It belongs to whoever owns the connection: one thread at a time. Each step says what it needs of the socket to go on;
/// nothing here waits.
@safe
package struct TLSSession: ~Copyable {
  /// The most bytes that one record carries (RFC 8446 section 5.1).
  package static let recordCapacity = 16_384

  private let ssl: OpaquePointer
  private let watch: UnsafeMutablePointer<SessionWatch>
  private var subjectText: UnsafeMutablePointer<UInt8>?
  private var subjectCount = 0
  /// After `read`: nothing is left in here, nor, as far as the last look at it told, in the socket.
  package private(set) var isDrained = false
  /// The most bytes that one `write` takes: what a record carries, or less if the client wants smaller ones (RFC 6066
  /// section 4).
  package private(set) var writeLimit = recordCapacity
  /// A record was not taken whole: the next bytes to be written have to be the same, or there can be none.
  package private(set) var isWithinRecord = false
  /// The last step took much of the socket and found little in it: the next read is the others' turn.
  private var owesTurn = false
  private var isFloodTold = false
  /// The kernel decrypts, and gives one record for each read: a short one says nothing of what is behind it.
  private var receivesByRecord = false
  /// The kernel encrypts what is sent, so that files can go out by `sendFile`.
  package private(set) var sendsFiles = false

  /// A session that waits for the client's first bytes; nil if memory has run out.
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

  /// Goes on with the handshake; `.done(0)` when it is complete.
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

  /// Reads up to `capacity` bytes, over several records where they have come already.
  ///
  /// `.cut` after much that had little content, so that no client has more than its share of the caller's time.
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
      if unsafe watch.pointee.isFlooded { return .failed(TLSFailure(code: 0, isFlood: true)) }
      guard result == 1 else {
        let action = action(after: result)
        if total == 0 { return action }
        // What has come is used first; anything but a lack of bytes shows again.
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
    // Nothing waits in here meanwhile: who asks the socket learns whether there is more.
    owesTurn = !isDrained && isPoor(total)
    return .done(total)
  }

  /// Whether so little content is what the step has taken from the socket for, that others would wait too long for it.
  private func isPoor(_ content: Int) -> Bool {
    let taken = unsafe watch.pointee.taken
    return taken >= SessionWatch.stepLimit / 4 && content < taken / 4
  }

  /// Sends up to `writeLimit` bytes in one record.
  ///
  /// After `.wantWrite` or `.wantRead` the next call has to bring the same bytes, and perhaps more behind them.
  package mutating func write(_ bytes: UnsafeRawPointer, _ count: Int) -> TLSAction {
    begin(limit: .max)
    var written = 0
    let result = unsafe SSL_write_ex(ssl, bytes, min(count, writeLimit), &written)
    isWithinRecord = result != 1
    return result == 1 ? .done(written) : action(after: result)
  }

  /// Sends part of a file without reading it here. Only where `sendsFiles`. `.done(0)`: the file is shorter.
  package mutating func sendFile(_ file: CInt, offset: UInt64, count: UInt64) -> TLSAction {
    begin(limit: .max)
    let sent = unsafe SSL_sendfile(ssl, file, off_t(clamping: offset), Int(min(count, 1 << 30)), 0)
    isWithinRecord = sent < 0
    return sent >= 0 ? .done(sent) : action(after: CInt(sent))
  }

  /// Tells the peer that nothing more will come (close_notify, RFC 8446 section 6.1); `.done(0)` when that is sent.
  package mutating func shutdown() -> TLSAction {
    begin(limit: .max)
    let result = unsafe SSL_shutdown(ssl)
    return result >= 0 ? .done(0) : action(after: result)
  }

  /// - Parameter limit: what the step may take of the socket. One that writes reads no more than the rest of a message.
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
    case SSL_ERROR_SYSCALL: return .failed(TLSFailure(code: 0, errno: code))
    default:
      let error = ERR_peek_error()
      ERR_clear_error()
      return .failed(TLSFailure(code: error))
    }
  }

  /// Whether the session has failed since the client changes its keys too often; true once, for who counts it.
  package mutating func takeFlood() -> Bool {
    guard !isFloodTold, unsafe watch.pointee.isFlooded else { return false }
    isFloodTold = true
    return true
  }

  // MARK: What was agreed

  /// Whether the client and the listener agreed on this protocol (ALPN, RFC 7301).
  package borrowing func hasAgreed(on name: StaticString) -> Bool {
    var agreed: UnsafePointer<UInt8>?
    var count: UInt32 = 0
    unsafe SSL_get0_alpn_selected(ssl, &agreed, &count)
    guard let agreed = unsafe agreed, Int(count) == name.utf8CodeUnitCount else { return false }
    return unsafe memcmp(agreed, name.utf8Start, Int(count)) == 0
  }

  /// The subject of the client's certificate, which has been verified, as RFC 4514 writes it; else nothing. The bytes
  /// stay as long as the session.
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
