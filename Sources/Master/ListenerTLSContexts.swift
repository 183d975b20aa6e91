import Configuration
import Platform
import TLS

/// The TLS contexts of a configuration's listeners.
package struct ListenerTLSContexts {
  /// The contexts of the listeners with TLS.
  private var contexts: [(listener: ListenerSettings, context: TLSContext)] = []
  /// Warnings that do not prevent the start, a line each.
  package private(set) var warnings: [String] = []

  private init() {}

  /// Whether no listener has TLS.
  var isEmpty: Bool { contexts.isEmpty }

  /// The context of a listener; nil for one in cleartext.
  func context(of listener: ListenerSettings) -> TLSContext? {
    contexts.first { $0.listener == listener }?.context
  }

  /// Reads certificates and keys, with the rights that the process still has. The error has all diagnostics, not only the first.
  ///
  /// - Parameter user: the user that the process becomes later.
  package static func load(_ configuration: Configuration, user: ServiceUser?) throws(StartError) -> ListenerTLSContexts
  {
    var loaded = ListenerTLSContexts()
    var diagnostics: [String] = []
    for (index, listener) in configuration.settings.listeners.enumerated() where listener.tls.isEnabled {
      do throws(TLSContextError) {
        var options = TLSOptions(listener, model: configuration.settings.server.workerModel)
        options.user = user
        let context = try TLSContext(options)
        loaded.contexts.append((listener, context))
        loaded.warnings += context.warnings.map { configuration.located($0, listener: index, prefix: "warning: ") }
      } catch {
        diagnostics += error.diagnostics.map { configuration.located($0, listener: index) }
      }
    }
    guard diagnostics.isEmpty else { throw StartError(diagnostics.joined(separator: "\n"), .configuration) }
    return loaded
  }
}

extension Configuration {
  /// The error of a file, with the origin of the key that names the file.
  fileprivate func located(_ diagnostic: TLSDiagnostic, listener index: Int, prefix: String = "") -> String {
    let key: String
    let origin: Origin
    switch diagnostic.part {
    case .certificate(0): (key, origin) = located("listener.tls.certificate", listener: index)
    case .key(0): (key, origin) = located("listener.tls.key", listener: index)
    case .certificate(let entry): (key, origin) = located("listener.tls.sni.certificate", listener: index, entry - 1)
    case .key(let entry): (key, origin) = located("listener.tls.sni.key", listener: index, entry - 1)
    case .clientCA: (key, origin) = located("listener.tls.client_ca", listener: index)
    case .ciphers: (key, origin) = located("listener.tls.ciphers", listener: index)
    case .library: (key, origin) = located("listener.tls.certificate", listener: index)
    }
    return "\(ConfigurationDiagnostic(origin: origin, message: "\(prefix)\(key): \(diagnostic.message)"))"
  }

  private func located(_ key: String, listener index: Int, _ entry: Int? = nil) -> (String, Origin) {
    guard let entry else { return (key, origin(of: key, listener: index)) }
    return (key, origin(of: key, listener: index, sni: entry))
  }
}

extension TLSOptions {
  fileprivate init(_ listener: ListenerSettings, model: WorkerModel) {
    let tls = listener.tls
    self.init(
      identities: [Identity(certificate: tls.certificate, key: tls.key)]
        + tls.sni.map { Identity(names: $0.names, certificate: $0.certificate, key: $0.key) })
    clientCA = tls.clientCA
    clientAuth =
      switch tls.clientAuth {
      case .none: .none
      case .optional: .optional
      case .required: .required
      }
    minimum = tls.minVersion == .tls13 ? .tls13 : .tls12
    ciphers = tls.ciphers
    protocols = listener.protocols.filter { $0.isOffered(under: model) }.map(\.rawValue)
  }
}

extension ApplicationProtocol {
  /// sync serves one request for each connection, which only HTTP/1 allows.
  fileprivate func isOffered(under model: WorkerModel) -> Bool { self == .http1 || model != .sync }
}
