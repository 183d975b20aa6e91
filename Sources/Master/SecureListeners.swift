import Configuration
import Platform
import TLS

/// The TLS of a configuration's listeners, made from the files that it names.
package struct SecureListeners {
  /// Of the listeners that are not in cleartext.
  private var contexts: [(listener: ListenerSettings, context: TLSContext)] = []
  /// What does not stop the server and yet needs somebody, one line each.
  package private(set) var warnings: [String] = []

  private init() {}

  /// All are in cleartext.
  var isEmpty: Bool { contexts.isEmpty }

  /// What secures the connections of a listener; nil for one in cleartext.
  func context(of listener: ListenerSettings) -> TLSContext? {
    contexts.first { $0.listener == listener }?.context
  }

  /// Reads certificates and keys, as the user that the process still is; every fault is told, not only the first.
  ///
  /// - Parameter user: who it becomes.
  package static func load(_ configuration: Configuration, user: ServiceUser?) throws(StartFault) -> SecureListeners {
    var secure = SecureListeners()
    var faults: [String] = []
    for (index, listener) in configuration.settings.listeners.enumerated() where listener.tls.isEnabled {
      do throws(TLSFaults) {
        var options = TLSOptions(listener, model: configuration.settings.server.workerModel)
        options.user = user
        let context = try TLSContext(options)
        secure.contexts.append((listener, context))
        secure.warnings += context.warnings.map { configuration.place($0, listener: index, prefix: "warning: ") }
      } catch {
        faults += error.faults.map { configuration.place($0, listener: index) }
      }
    }
    guard faults.isEmpty else { throw StartFault(faults.joined(separator: "\n"), .configuration) }
    return secure
  }
}

extension Configuration {
  /// A fault of a file with the place of the value that names it.
  fileprivate func place(_ fault: TLSFault, listener index: Int, prefix: String = "") -> String {
    let key: String
    let origin: Origin
    switch fault.part {
    case .certificate(0): (key, origin) = located("listener.tls.certificate", listener: index)
    case .key(0): (key, origin) = located("listener.tls.key", listener: index)
    case .certificate(let entry): (key, origin) = located("listener.tls.sni.certificate", listener: index, entry - 1)
    case .key(let entry): (key, origin) = located("listener.tls.sni.key", listener: index, entry - 1)
    case .clientCA: (key, origin) = located("listener.tls.client_ca", listener: index)
    case .ciphers: (key, origin) = located("listener.tls.ciphers", listener: index)
    case .library: (key, origin) = located("listener.tls.certificate", listener: index)
    }
    return "\(ConfigurationFault(origin: origin, message: "\(prefix)\(key): \(fault.message)"))"
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
  /// sync serves one request a connection, which is HTTP/1 alone.
  fileprivate func isOffered(under model: WorkerModel) -> Bool { self == .http1 || model != .sync }
}
