import COpenSSL
import Platform

/// The common parts of a listener's sessions: certificates by name, policy, protocols.
///
/// Made by the master, and used by its workers after the fork. It lives as long as the process, since callbacks refer
/// to it.
@safe
package final class TLSContext: @unchecked Sendable {
  // Immutable after init, except for OpenSSL's own reference counts, which are atomic.

  /// OpenSSL's context for clients that name no host, or one without a certificate of its own.
  private let first: OpenSSLContext
  /// The contexts for other names, by identity index minus 1.
  private let others: [OpenSSLContext]
  private let names: ServerNames
  /// The protocols in ALPN's wire format, each preceded by its length. After all of them, the protocols that are
  /// allowed with any cipher follow: all but HTTP/2.
  private let protocols: UnsafeMutablePointer<UInt8>
  private let protocolsCount: Int
  private let anyCipherCount: Int
  /// After those: HTTP/1.0, if HTTP/1.1 is among them.
  private let fallbackCount: Int
  /// Warnings about the identities' certificates, which do not prevent the start.
  package let warnings: [TLSDiagnostic]

  /// Reads the files and creates the contexts.
  package init(_ options: TLSOptions) throws(TLSContextError) {
    var diagnostics: [TLSDiagnostic] = []
    var warnings: [TLSDiagnostic] = []
    var contexts: [OpenSSLContext] = []
    for index in options.identities.indices {
      guard let context = OpenSSLContext() else {
        diagnostics.append(TLSDiagnostic(part: .library, message: OpenSSLError.take()))
        break
      }
      contexts.append(context)
      unsafe TLSPolicy.apply(options, to: context.raw)
      diagnostics += unsafe TLSIdentity.install(
        options.identities[index], index, of: options, in: context.raw, &warnings)
      let shared =
        unsafe ClientCertificates.require(options, of: context.raw) + TLSPolicy.applyCiphers(options, to: context.raw)
      // Shared problems are the same in every context: they are reported once.
      if index == 0 { diagnostics += shared }
    }
    guard diagnostics.isEmpty, let first = contexts.first else { throw TLSContextError(diagnostics: diagnostics) }
    self.first = first
    others = Array(contexts.dropFirst())
    names = ServerNames(options.identities.dropFirst().map(\.names))
    let list = TLSContext.list(options.protocols)
    let rest = TLSContext.list(options.protocols.filter { $0 != "h2" })
    let fallback = TLSContext.list(options.protocols.contains("http/1.1") ? ["http/1.0"] : [])
    let all = list + rest + fallback
    unsafe protocols = .allocate(capacity: all.count)
    unsafe protocols.update(from: all, count: all.count)
    (protocolsCount, anyCipherCount, fallbackCount) = (list.count, rest.count, fallback.count)
    self.warnings = warnings
    installCallbacks()
  }

  deinit { unsafe protocols.deallocate() }

  private static func list(_ protocols: [String]) -> [UInt8] {
    protocols.flatMap { [UInt8(clamping: $0.utf8.count)] + Array($0.utf8.prefix(255)) }
  }

  /// OpenSSL's context that new sessions start with.
  var raw: OpaquePointer { unsafe first.raw }

  // MARK: Callbacks

  private func installCallbacks() {
    // Unretained: a session holds a reference to OpenSSL's context, which does not outlive its owner.
    let this = unsafe Unmanaged.passUnretained(self).toOpaque()
    unsafe outrider_SSL_CTX_set_tlsext_servername_callback(first.raw, chooseCertificate, this)
    for context in [first] + others {
      unsafe SSL_CTX_set_alpn_select_cb(context.raw, chooseProtocol, this)
      unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context.raw, TicketKeys.sealOrOpen)
      unsafe Resumption.limit(context.raw)
      unsafe ClientHello.limit(context.raw)
    }
  }

  fileprivate static func from(_ argument: UnsafeMutableRawPointer?) -> TLSContext? {
    guard let argument = unsafe argument else { return nil }
    return unsafe Unmanaged<TLSContext>.fromOpaque(argument).takeUnretainedValue()
  }

  /// Selects the certificate for the host that the client names (RFC 6066 section 3).
  fileprivate func pickCertificate(_ ssl: OpaquePointer) {
    guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
      let index = unsafe names.find(String(cString: name))
    else { return }
    unsafe SSL_set_SSL_CTX(ssl, others[index].raw)
  }

  /// Selects the first of our protocols that the client also offers (RFC 7301 section 3.2) and that is allowed with the
  /// cipher.
  fileprivate func pickProtocol(
    _ ssl: OpaquePointer, _ offered: UnsafePointer<UInt8>, _ count: UInt32,
    _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>,
    _ chosenCount: UnsafeMutablePointer<UInt8>
  ) -> CInt {
    let takesAll = unsafe TLSPolicy.allowsHTTP2(ssl)
    let own = unsafe takesAll ? protocols : protocols + protocolsCount
    let ownCount = UInt32(takesAll ? protocolsCount : anyCipherCount)
    if ownCount == 0 { return SSL_TLSEXT_ERR_ALERT_FATAL }
    var out: UnsafeMutablePointer<UInt8>?
    var result = unsafe SSL_select_next_proto(&out, chosenCount, own, ownCount, offered, count)
    // An HTTP/1.1 server also serves HTTP/1.0, which a few clients offer as their only protocol.
    if result != OPENSSL_NPN_NEGOTIATED, fallbackCount > 0 {
      let fallback = unsafe protocols + protocolsCount + anyCipherCount
      result = unsafe SSL_select_next_proto(&out, chosenCount, fallback, UInt32(fallbackCount), offered, count)
    }
    guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    unsafe chosen.pointee = unsafe UnsafePointer(out)
    return SSL_TLSEXT_ERR_OK
  }
}

/// Owns an SSL_CTX; sessions hold references of their own.
@safe
private final class OpenSSLContext {
  let raw: OpaquePointer

  init?() {
    ERR_clear_error()
    guard let raw = unsafe SSL_CTX_new(TLS_server_method()) else { return nil }
    unsafe self.raw = raw
  }

  deinit { unsafe SSL_CTX_free(raw) }
}

private let chooseCertificate:
  @convention(c) (OpaquePointer?, UnsafeMutablePointer<CInt>?, UnsafeMutableRawPointer?) -> CInt = {
    ssl, _, argument in
    if let ssl = unsafe ssl, let context = unsafe TLSContext.from(argument) { unsafe context.pickCertificate(ssl) }
    return SSL_TLSEXT_ERR_OK
  }

private let chooseProtocol: SSL_CTX_alpn_select_cb_func = { ssl, chosen, chosenCount, offered, count, argument in
  guard let ssl = unsafe ssl, let context = unsafe TLSContext.from(argument), let chosen = unsafe chosen,
    let chosenCount = unsafe chosenCount, let offered = unsafe offered
  else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  return unsafe context.pickProtocol(ssl, offered, count, chosen, chosenCount)
}
