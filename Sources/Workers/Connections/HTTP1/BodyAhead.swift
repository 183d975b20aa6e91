import HTTP

/// Looks ahead in a chunked body for its end. Decodes each byte once and consumes none.
struct BodyAhead {
  /// A copy of the request's decoder, which is left unchanged for the reader of the body.
  var decoder: BodyDecoder
  let limit: Int
  /// How many of the unread bytes have been decoded, and how many of these were content.
  private var seen = 0
  private var body = 0
  private(set) var isInTrailers = false
  /// The body is malformed, or larger than `limit`.
  private(set) var isLarge = false
  private(set) var isMalformed = false

  init(decoder: BodyDecoder, limit: Int) {
    self.decoder = decoder
    self.limit = limit
  }

  /// Whether the body ends within what has been read.
  mutating func reachesEnd(in source: Buffer?) -> Bool {
    guard let source else { return false }
    while !isInTrailers {
      switch unsafe decoder.decode(UnsafePointer(source.unread + seen), count: source.unreadCount - seen) {
      case .bytes(let offset, let count):
        seen += offset + count
        body += count
        isLarge = body > limit
        if isLarge { return false }
      case .end(let consumed, let trailers):
        if !trailers { return true }
        seen += consumed
        isInTrailers = true
      case .needInput(let consumed):
        seen += consumed
        return false
      case .refused(let refusal):
        isLarge = true
        isMalformed = refusal != .bodyTooLarge
        return false
      }
    }
    return unsafe Bytes(base: UnsafePointer(source.unread + seen), count: source.unreadCount - seen).holdsEmptyLine
  }
}

extension Bytes {
  /// The bytes contain an empty line, which ends a field section.
  fileprivate var holdsEmptyLine: Bool {
    guard count >= 4 else { return false }
    for index in 0...(count - 4)
    where self[index] == ASCII.cr && self[index + 1] == ASCII.lf && self[index + 2] == ASCII.cr
      && self[index + 3] == ASCII.lf
    { return true }
    return false
  }
}
