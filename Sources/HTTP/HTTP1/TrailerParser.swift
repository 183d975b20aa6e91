/// Parses the trailer section of a chunked body (RFC 9112 section 7.1.2) from a buffer that grows. A refusal is final.
@safe
package struct TrailerParser {
  package enum Progress {
    case incomplete
    case complete(length: Int)
    case refused(Refusal)
  }

  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  /// Memory for `limits.fields` fields, owned by the caller.
  private let storage: UnsafeMutablePointer<Field>
  private var fieldCount = 0
  private var lineCount = 0
  private var lineStart = 0
  /// Why the section is refused, if it is.
  private var refusal: Refusal?

  /// - Parameter storage: memory for `limits.fields` fields that outlives the trailers.
  package init(limits: RequestLimits, underscores: UnderscoreFields, storage: UnsafeMutablePointer<Field>) {
    self.limits = limits
    self.underscores = underscores
    unsafe self.storage = storage
  }

  package var fields: Fields { unsafe Fields(base: storage, count: fieldCount) }

  /// Continues to parse. Each call passes the same buffer, which does not move and now has `count` bytes.
  package mutating func parse(_ base: UnsafePointer<UInt8>, count: Int) -> Progress {
    if let refusal { return .refused(refusal) }
    let progress = unsafe parseLines(base, count: count)
    if case .refused(let refusal) = progress { self.refusal = refusal }
    return progress
  }

  private mutating func parseLines(_ base: UnsafePointer<UInt8>, count: Int) -> Progress {
    let end = min(count, limits.head)
    while true {
      switch unsafe FieldLineScanner.line(base, from: lineStart, to: end, limit: limits.fieldSize) {
      case .incomplete: return count >= limits.head ? .refused(.headTooLarge) : .incomplete
      case .refused(let refusal): return .refused(refusal)
      case .endOfSection(let next): return .complete(length: next)
      case .field(let field, let underscored, let next):
        lineStart = next
        lineCount += 1
        guard lineCount <= limits.fields else { return .refused(.tooManyFields) }
        if let refusal = take(field, underscored: underscored) { return .refused(refusal) }
      }
    }
  }

  private mutating func take(_ field: Field, underscored: Bool) -> Refusal? {
    if KnownField(field.name).isForbiddenInTrailers { return .forbiddenTrailer }
    if underscored && underscores != .pass {
      return underscores == .refuse ? .underscoreInFieldName : nil
    }
    unsafe (storage + fieldCount).initialize(to: field)  // lineCount, checked before, is never below fieldCount
    fieldCount += 1
    return nil
  }
}
