/// Reads the trailers of a stream's request, by the same rules as for HTTP/1.
///
/// Names and values are copied into the reader's memory. Views of it exist from `finish` to `reset`.
@safe
package struct StreamTrailerReader: ~Copyable {
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  private var section: FieldSectionBuilder
  private var lineCount = 0
  private var bytes = 0
  /// Why the trailers are refused, if they are. Later fields do not change that.
  private var refusal: Refusal?
  /// The trailers after `finish`; empty before.
  package private(set) var fields = Fields.none

  package init(limits: RequestLimits, underscores: UnderscoreFields) {
    self.limits = limits
    self.underscores = underscores
    section = FieldSectionBuilder(bytes: limits.head, fields: limits.fields, keepsMemory: false)
  }

  /// Prepares for the next stream: all views of the trailers become invalid.
  package mutating func reset() {
    section.reset()
    lineCount = 0
    bytes = 0
    refusal = nil
    fields = .none
  }

  /// The memory that the trailers use, in bytes.
  package var size: Int { section.size }

  /// Processes one field and keeps a copy of it.
  package mutating func take(_ field: Field) {
    guard refusal == nil else { return }
    refusal = judge(field)
  }

  /// Refuses the trailers because the connection has no room for the rest of them.
  package mutating func refuse(_ refusal: Refusal) { self.refusal = self.refusal ?? refusal }

  private mutating func judge(_ field: Field) -> Refusal? {
    bytes += field.name.count + field.value.count + 4
    if bytes > limits.head { return .headTooLarge }
    lineCount += 1
    if lineCount > limits.fields { return .tooManyFields }
    if field.name.count + field.value.count + 2 > limits.fieldSize { return .fieldTooLong }
    if KnownField(field.name).isForbiddenInTrailers { return .forbiddenTrailer }
    if underscores != .pass && field.name.firstIndex(of: ASCII.underscore) != nil {
      return underscores == .refuse ? .underscoreInFieldName : nil
    }
    return section.append(field) ? nil : .headTooLarge
  }

  /// The section is complete: fills in `fields`, or refuses it. Called once.
  ///
  /// - Parameter storage: room for `limits.fields` fields that outlives the trailers.
  package mutating func finish(_ storage: UnsafeMutablePointer<Field>) -> Refusal? {
    if let refusal { return refusal }
    guard let count = unsafe section.seal(into: storage) else { return .headTooLarge }
    unsafe fields = Fields(base: storage, count: count)
    return nil
  }
}
