/// Validates all fields that plugins send, for every style, model and protocol.
@usableFromInline
package enum FieldValidation {
  /// The section that the fields are for.
  package enum Section {
    case informational, final, trailers
  }

  /// The maximum number of bytes of names and values in a section: far above what clients accept, and small enough for
  /// all later length fields.
  private static let mostBytes = 1 << 26

  /// The result for valid fields. Its members are whole words, so that passing it with each response costs a few moves.
  @usableFromInline
  package struct Verdict {
    @usableFromInline
    struct Present: OptionSet, Sendable {
      @usableFromInline let rawValue: UInt
      @inlinable
      init(rawValue: UInt) { self.rawValue = rawValue }
      static let date = Present(rawValue: 1 << 0)
      static let server = Present(rawValue: 1 << 1)
    }

    /// The total length of names and values.
    @usableFromInline package fileprivate(set) var bytes = 0
    /// -1 for none.
    @usableFromInline var length: Int64 = -1
    @usableFromInline var present: Present = []

    package init() {}

    @inlinable
    package fileprivate(set) var contentLength: Int64? {
      get { length < 0 ? nil : length }
      set { length = newValue ?? -1 }
    }
    package var hasDate: Bool { present.contains(.date) }
    package var hasServer: Bool { present.contains(.server) }
    /// The fields replace none that the server would send itself.
    @inlinable
    var leavesDateAndServer: Bool { present.rawValue == 0 }

    /// Counts fields of the host itself.
    package mutating func add(bytes count: Int) { bytes += count }

    fileprivate mutating func noteDate() { present.insert(.date) }
    fileprivate mutating func noteServer() { present.insert(.server) }
  }

  /// The verdict on `fields`, or nil if one of them is malformed or not allowed.
  ///
  /// Names must be tokens, which excludes pseudo-fields. Values must not contain control characters except HTAB, which
  /// prevents injection. Fields that frame the message or belong to the connection are not allowed.
  package static func check(_ fields: Fields, for section: Section) -> Verdict? {
    var verdict = Verdict()
    var bytes = 0
    for index in 0..<fields.count {
      let field = fields[index]
      // Most responses have Content-Type. It is allowed in every section, and its name is valid.
      let isOrdinary = field.name.equalsIgnoringCase("content-type")
      guard isOrdinary || isToken(field.name), isValue(field.value) else { return nil }
      let (sum, overflowed) = bytes.addingReportingOverflow(field.name.count + field.value.count)
      guard !overflowed && sum <= mostBytes else { return nil }
      bytes = sum
      if !isOrdinary, KnownField.mayBe(field.name), !accept(field, section, &verdict) { return nil }
    }
    verdict.bytes = bytes
    return verdict
  }

  /// Whether a plugin may send a field whose name may be known.
  @inline(never)
  private static func accept(_ field: Field, _ section: Section, _ verdict: inout Verdict) -> Bool {
    let (known, value) = (KnownField(exactly: field.name), field.value)
    if known == .other { return true }
    if known.belongsToConnection { return false }
    switch (known, section) {
    case (.contentLength, .final):
      guard verdict.contentLength == nil, let length = DecimalLength.parse(value) else { return false }
      verdict.contentLength = length
    case (.trailer, .informational), (.contentLength, .informational): return false
    case (_, .trailers): return !known.isForbiddenInTrailers
    case (.date, .final): verdict.noteDate()
    case (.server, .final): verdict.noteServer()
    default: break
    }
    return true
  }

  @inline(__always)
  private static func isToken(_ name: Bytes) -> Bool {
    guard let base = unsafe name.base, name.count > 0 else { return false }
    return unsafe ByteScan.isUsualName(base, base + name.count) || isUnusualToken(base, base + name.count)
  }

  private static func isUnusualToken(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Bool {
    var place = unsafe start
    while let unusual = unsafe ByteScan.unusualInName(place, end) {
      guard unsafe ASCII.isToken(unusual.pointee) else { return false }
      unsafe place = unusual + 1
    }
    return true
  }

  @inline(__always)
  private static func isValue(_ value: Bytes) -> Bool {
    guard value.count > 0 else { return value.isEmpty }
    guard let base = unsafe value.base else { return false }
    let end = unsafe base + value.count
    // White space at the ends is not part of a value (RFC 9110 section 5.5), and malformed in HTTP/2. Bytes below it
    // are never allowed.
    guard unsafe base.pointee > ASCII.space && end[-1] > ASCII.space else { return false }
    return unsafe ByteScan.hasNoControl(base, end) || controlsAreTabs(base, end)
  }

  private static func controlsAreTabs(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) -> Bool {
    var place = unsafe start
    while let control = unsafe ByteScan.control(place, end) {
      guard unsafe control.pointee == ASCII.tab else { return false }
      unsafe place = control + 1
    }
    return true
  }
}
