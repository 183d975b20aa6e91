/// Takes in the trailers of a stream's request, by the rules that HTTP/1 trailers have.
///
/// Names and values are copied into memory of the reader's own; there are no views of it before `finish`, and those that
/// it makes then are valid until `reset`.
@safe
package struct StreamTrailerReader: ~Copyable {
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  private var section: FieldSectionBuilder
  private var lineCount = 0
  private var bytes = 0
  /// Why the trailers are refused, once they are: no later field changes it.
  private var refusal: Refusal?
  /// Complete after `finish`; none before.
  package private(set) var fields = Fields.none

  package init(limits: RequestLimits, underscores: UnderscoreFields) {
    self.limits = limits
    self.underscores = underscores
    section = FieldSectionBuilder(bytes: limits.head, fields: limits.fields, keepsMemory: false)
  }

  /// For the next stream: every view of the trailers ends here.
  package mutating func reset() {
    section.reset()
    lineCount = 0
    bytes = 0
    refusal = nil
    fields = .none
  }

  /// The memory that the trailers take now, in bytes.
  package var size: Int { section.size }

  /// Takes in one field, of which nothing is kept but a copy.
  package mutating func take(_ field: Field) {
    guard refusal == nil else { return }
    refusal = judge(field)
  }

  /// The connection has no room for what these trailers may still bring.
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

  /// The section is complete: its fields stand in `fields`, or it is refused, and there are none. To be called once.
  ///
  /// - Parameter storage: room for `limits.fields` fields that outlives the trailers.
  package mutating func finish(_ storage: UnsafeMutablePointer<Field>) -> Refusal? {
    if let refusal { return refusal }
    guard let count = unsafe section.seal(into: storage) else { return .headTooLarge }
    unsafe fields = Fields(base: storage, count: count)
    return nil
  }
}
