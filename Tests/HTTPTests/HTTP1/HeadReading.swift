import HTTP

/// A head that was read whole, as far as tests look at it.
struct ReadHead: Equatable {
  var traits: RequestTraits
  var framing: BodyFraming
  var version: HTTPVersion
  var length: Int
}

enum HeadProgress: Equatable {
  case incomplete
  case complete(ReadHead)
  case refused(Refusal)
}

/// What the parser makes of `text`, all of which has come.
func readHead(
  _ text: String, limits: RequestLimits = RequestLimits(), underscores: UnderscoreFields = .drop
) -> HeadProgress {
  let storage = UnsafeMutablePointer<Field>.allocate(capacity: limits.fields)
  defer { unsafe storage.deallocate() }
  var parser = unsafe RequestHeadParser(limits: limits, underscores: underscores, storage: storage)
  return parse(latin1(text), with: &parser)
}

func parse(_ bytes: [UInt8], with parser: inout RequestHeadParser) -> HeadProgress {
  let progress = unsafe bytes.withUnsafeBufferPointer { buffer -> RequestHeadParser.Progress in
    guard let base = buffer.baseAddress else { return .incomplete }
    return unsafe parser.parse(base, count: buffer.count)
  }
  switch progress {
  case .incomplete: return .incomplete
  case .refused(let refusal): return .refused(refusal)
  case .complete(let length):
    let head = parser.head
    return .complete(ReadHead(traits: head.traits, framing: head.framing, version: head.version, length: length))
  }
}
