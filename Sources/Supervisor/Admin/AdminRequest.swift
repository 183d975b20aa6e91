import HTTP

/// A request to the metrics listener, reduced to what the responses depend on.
enum AdminRequest: Sendable {
  /// With the path as it was sent: no page needs decoding.
  case get(path: String, isHead: Bool)
  case methodNotAllowed
  case refused(Refusal)

  /// Nil while the head is incomplete.
  init?(_ bytes: [UInt8]) {
    var limits = RequestLimits()
    limits.head = AdminConnection.Kind.maxRequestSize
    limits.requestLine = 2048
    limits.fields = 64
    let progress: AdminRequest? = unsafe withUnsafeTemporaryAllocation(of: Field.self, capacity: limits.fields) {
      storage in
      guard let fields = storage.baseAddress else { return nil }
      var parser = unsafe RequestHeadParser(limits: limits, underscores: .drop, storage: fields)
      let progress = unsafe bytes.withUnsafeBufferPointer { bytes in
        unsafe bytes.baseAddress.map { unsafe parser.parse($0, count: bytes.count) }
      }
      switch progress {
      case .incomplete, nil: return nil
      case .refused(let refusal): return .refused(refusal)
      case .complete:
        let isHead = parser.head.traits.contains(.head)
        guard isHead || parser.head.method.equals(Bytes("GET")) else { return .methodNotAllowed }
        return .get(path: parser.head.path.escaped(limit: 64), isHead: isHead)
      }
    }
    guard let progress else { return nil }
    self = progress
  }
}
