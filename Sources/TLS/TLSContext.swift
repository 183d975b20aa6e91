import COpenSSL
import Platform

/// What the sessions of one listener have in common: certificates by name, policy, protocols.
///
/// Made by the master, used by its workers after fork. It lives as long as the process, since callbacks point into it.
@safe
package final class TLSContext: @unchecked Sendable {
  // Nothing changes after init but OpenSSL's own reference counts, which are atomic.

  /// OpenSSL's context for clients that name no host, or one without a certificate of its own.
  private let first: OpenSSLContext
  /// Those for other names, by the index of their identity less one.
  private let others: [OpenSSLContext]
  private let names: ServerNames
  /// The protocols as ALPN has them on the wire: each after its length.
  private let protocols: UnsafeMutablePointer<UInt8>
  private let protocolsCount: Int
  /// Of the identities' certificates: what does not stop the server and yet needs somebody.
  package let warnings: [TLSFault]

  /// Reads the files and makes the contexts.
  package init(_ options: TLSOptions) throws(TLSFaults) {
    var faults: [TLSFault] = []
    var warnings: [TLSFault] = []
    var contexts: [OpenSSLContext] = []
    for index in options.identities.indices {
      guard let context = OpenSSLContext() else {
        faults.append(TLSFault(part: .library, message: OpenSSLError.take()))
        break
      }
      contexts.append(context)
      unsafe TLSPolicy.apply(options, to: context.raw)
      faults += unsafe TLSIdentity.install(
        options.identities[index], index, of: options, in: context.raw, &warnings)
      let shared =
        unsafe ClientCertificates.require(options, of: context.raw) + TLSPolicy.applyCiphers(options, to: context.raw)
      // What is wrong with these is wrong in every context.
      if index == 0 { faults += shared }
    }
    guard faults.isEmpty, let first = contexts.first else { throw TLSFaults(faults: faults) }
    self.first = first
    others = Array(contexts.dropFirst())
    names = ServerNames(options.identities.dropFirst().map(\.names))
    let list = options.protocols.flatMap { [UInt8(clamping: $0.utf8.count)] + Array($0.utf8.prefix(255)) }
    unsafe protocols = .allocate(capacity: list.count)
    unsafe protocols.update(from: list, count: list.count)
    protocolsCount = list.count
    self.warnings = warnings
    installCallbacks()
  }

  deinit { unsafe protocols.deallocate() }

  /// OpenSSL's context that a new session starts with.
  var raw: OpaquePointer { unsafe first.raw }

  // MARK: Callbacks

  private func installCallbacks() {
    // Unretained: a session holds OpenSSL's context, which its owner outlives.
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

  /// The certificate for the host that the client names (RFC 6066 section 3).
  fileprivate func pickCertificate(_ ssl: OpaquePointer) {
    guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name),
      let index = unsafe names.find(String(cString: name))
    else { return }
    unsafe SSL_set_SSL_CTX(ssl, others[index].raw)
  }

  /// The first of our protocols that the client has as well (RFC 7301 section 3.2).
  fileprivate func pickProtocol(
    _ offered: UnsafePointer<UInt8>, _ count: UInt32, _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>,
    _ chosenCount: UnsafeMutablePointer<UInt8>
  ) -> CInt {
    var out: UnsafeMutablePointer<UInt8>?
    let result = unsafe SSL_select_next_proto(&out, chosenCount, protocols, UInt32(protocolsCount), offered, count)
    guard result == OPENSSL_NPN_NEGOTIATED else { return SSL_TLSEXT_ERR_ALERT_FATAL }
    unsafe chosen.pointee = unsafe UnsafePointer(out)
    return SSL_TLSEXT_ERR_OK
  }
}

/// The owner of an SSL_CTX; sessions hold references of their own.
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

private let chooseProtocol: SSL_CTX_alpn_select_cb_func = { _, chosen, chosenCount, offered, count, argument in
  guard let context = unsafe TLSContext.from(argument), let chosen = unsafe chosen,
    let chosenCount = unsafe chosenCount, let offered = unsafe offered
  else { return SSL_TLSEXT_ERR_ALERT_FATAL }
  return unsafe context.pickProtocol(offered, count, chosen, chosenCount)
}
