import HTTP

/// A request to the metrics listener, as far as it matters here.
enum PageRequest: Sendable {
  /// The decoded path is not wanted: all pages have plain names.
  case get(path: String, isHead: Bool)
  /// A method that no page has.
  case other
  case refused(Refusal)

  /// What has come of a request; nil as long as its head is not complete.
  init?(_ bytes: [UInt8]) {
    var limits = RequestLimits()
    limits.head = Visitor.Kind.longestRequest
    limits.requestLine = 2048
    limits.fields = 64
    let progress: PageRequest? = unsafe withUnsafeTemporaryAllocation(of: Field.self, capacity: limits.fields) {
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
        guard isHead || parser.head.method.equals(Bytes("GET")) else { return .other }
        return .get(path: parser.head.path.escaped(limit: 64), isHead: isHead)
      }
    }
    guard let progress else { return nil }
    self = progress
  }
}
