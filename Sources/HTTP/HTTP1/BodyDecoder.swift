/// Decodes the body of an HTTP/1 request in place: it reports which bytes of the input are content (RFC 9112 sections 6
/// and 7).
///
/// A refusal is final: no input is consumed or read after it. The end of the body, where another message might begin,
/// is then unknown.
package struct BodyDecoder {
  package enum Progress {
    /// All input is consumed; `consumed` bytes of it were framing or nothing.
    case needInput(consumed: Int)
    /// `length` bytes of content are at `offset`; the next call continues after them.
    case bytes(offset: Int, length: Int)
    /// The body has ended. After `consumed` bytes comes the next message, or the trailer section if `trailers`.
    case end(consumed: Int, trailers: Bool)
    case refused(Refusal)
  }

  private enum Stage: UInt8 {
    case data, chunkSize, chunkExtension, chunkSizeLF, chunkDataCR, chunkDataLF
    case lastChunk, lastChunkLF, ended
  }

  private var stage: Stage
  private let isChunked: Bool
  /// The remaining bytes of the current chunk, or of the whole body.
  private var remaining: Int64 = 0
  private var sizeDigits = 0
  private var total: Int64 = 0
  private var extensionBytes = 0
  private var chunkExtension = ChunkExtension.name
  /// Why the body is refused, if it is.
  package private(set) var refusal: Refusal?
  private let bodyLimit: Int64
  private let extensionLimit: Int

  package init(_ framing: BodyFraming, limits: RequestLimits) {
    bodyLimit = limits.body
    extensionLimit = limits.chunkExtension
    switch framing {
    case .none: (stage, isChunked) = (.ended, false)
    case .fixed(let length):
      isChunked = false
      remaining = length
      stage = length == 0 ? .ended : .data
    case .chunked: (stage, isChunked) = (.chunkSize, true)
    }
  }

  /// The whole body has been decoded.
  package var hasEnded: Bool { stage == .ended }

  /// The remaining length if it is known: only of a body with a fixed length.
  package var remainingLength: Int64? { isChunked ? nil : remaining }

  /// Refuses the body because of what follows it, such as its trailers.
  package mutating func refuse(_ refusal: Refusal) { self.refusal = self.refusal ?? refusal }

  /// Decodes `count` bytes at `base`. A result of `.bytes` consumes them.
  ///
  /// - Parameter limit: the maximum number of content bytes to return; framing is decoded regardless.
  package mutating func decode(_ base: UnsafePointer<UInt8>, count: Int, limit: Int = .max) -> Progress {
    if let refusal { return .refused(refusal) }
    var index = 0
    while true {
      if stage == .ended { return .end(consumed: index, trailers: false) }
      guard index < count else { return .needInput(consumed: index) }
      if stage == .data { return takeData(at: index, available: min(count - index, limit)) }
      let byte = unsafe base[index]
      if stage == .lastChunk && byte != ASCII.cr { return .end(consumed: index, trailers: true) }
      if let refusal = step(byte) {
        self.refusal = refusal
        return .refused(refusal)
      }
      index += 1
    }
  }

  private mutating func takeData(at index: Int, available: Int) -> Progress {
    let length = Int(min(remaining, Int64(available)))
    remaining -= Int64(length)
    if remaining == 0 { stage = isChunked ? .chunkDataCR : .ended }
    return .bytes(offset: index, length: length)
  }

  /// Processes one byte of chunk framing.
  private mutating func step(_ byte: UInt8) -> Refusal? {
    switch stage {
    case .chunkSize: return chunkSize(byte)
    case .chunkExtension:
      if byte == ASCII.cr && chunkExtension.mayEndLine {
        stage = .chunkSizeLF
        return nil
      }
      guard let next = chunkExtension.next(byte) else { return .malformedChunk }
      return takeExtension(next)
    case .chunkSizeLF:
      guard byte == ASCII.lf else { return .malformedChunk }
      return beginChunk()
    case .chunkDataCR: return expect(byte, ASCII.cr, then: .chunkDataLF)
    case .chunkDataLF:
      sizeDigits = 0
      return expect(byte, ASCII.lf, then: .chunkSize)
    case .lastChunk: return expect(byte, ASCII.cr, then: .lastChunkLF)
    case .lastChunkLF: return expect(byte, ASCII.lf, then: .ended)
    case .data, .ended: return nil
    }
  }

  private mutating func expect(_ byte: UInt8, _ expected: UInt8, then next: Stage) -> Refusal? {
    guard byte == expected else { return .malformedChunk }
    stage = next
    return nil
  }

  private mutating func takeExtension(_ next: ChunkExtension) -> Refusal? {
    stage = .chunkExtension
    chunkExtension = next
    extensionBytes += 1
    return extensionBytes > extensionLimit ? .chunkExtensionTooLong : nil
  }

  /// Accepts at most fifteen hexadecimal digits, so that no size overflows.
  private mutating func chunkSize(_ byte: UInt8) -> Refusal? {
    if let digit = ASCII.hexValue(byte) {
      sizeDigits += 1
      guard sizeDigits <= 15 else { return .malformedChunk }
      remaining = remaining << 4 | Int64(digit)
      return nil
    }
    guard sizeDigits > 0 else { return .malformedChunk }
    switch byte {
    case ASCII.cr:
      stage = .chunkSizeLF
      return nil
    case ASCII.semicolon: return takeExtension(.name)
    // Bad whitespace is skipped, but only before an extension (RFC 9112 section 7.1.1).
    case ASCII.space, ASCII.tab: return takeExtension(.behindSize)
    default: return .malformedChunk
    }
  }

  private mutating func beginChunk() -> Refusal? {
    if remaining == 0 {
      stage = .lastChunk
      return nil
    }
    let (sum, overflowed) = total.addingReportingOverflow(remaining)
    guard !overflowed && sum <= bodyLimit else { return .bodyTooLarge }
    total = sum
    stage = .data
    return nil
  }
}
