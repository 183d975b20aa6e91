/// Takes in the trailers of a stream's request, by the rules that HTTP/1 trailers have.
@safe
package struct StreamTrailerReader: ~Copyable {
  private let limits: RequestLimits
  private let underscores: UnderscoreFields
  private var arena: FieldArena
  private var fieldCount = 0
  private var lineCount = 0
  private var bytes = 0
  package private(set) var refusal: Refusal?

  package init(limits: RequestLimits, underscores: UnderscoreFields) {
    self.limits = limits
    self.underscores = underscores
    arena = FieldArena(most: limits.head)
  }

  package mutating func reset() {
    arena.reset()
    fieldCount = 0
    lineCount = 0
    bytes = 0
    refusal = nil
  }

  /// Takes in one field.
  ///
  /// - Parameter storage: room for `limits.fields` fields, the same in each call, that outlives the trailers.
  package mutating func take(_ field: Field, _ storage: UnsafeMutablePointer<Field>) {
    guard refusal == nil else { return }
    refusal = unsafe judge(field, storage)
  }

  private mutating func judge(_ field: Field, _ storage: UnsafeMutablePointer<Field>) -> Refusal? {
    bytes += field.name.count + field.value.count + 4
    if bytes > limits.head { return .headTooLarge }
    lineCount += 1
    if lineCount > limits.fields { return .tooManyFields }
    if field.name.count + field.value.count + 2 > limits.fieldSize { return .fieldTooLong }
    if KnownField(field.name).isForbiddenInTrailers { return .forbiddenTrailer }
    if underscores != .pass && field.name.firstIndex(of: ASCII.underscore) != nil {
      return underscores == .refuse ? .underscoreInFieldName : nil
    }
    switch arena.makeRoom(field.name.count + field.value.count) {
    case .none: return .headTooLarge
    case .stays: break
    case .moves(let distance):
      for index in 0..<fieldCount {
        let field = unsafe storage[index]
        unsafe storage[index] = Field(name: field.name.moved(by: distance), value: field.value.moved(by: distance))
      }
    }
    let name = arena.append(field.name)
    unsafe (storage + fieldCount).initialize(to: Field(name: name, value: arena.append(field.value)))
    fieldCount += 1
    return nil
  }

  package func fields(_ storage: UnsafeMutablePointer<Field>) -> Fields {
    unsafe Fields(base: storage, count: fieldCount)
  }
}
