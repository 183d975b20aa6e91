/// The one check of every field that a plugin wants to send, whatever the style, model and protocol.
@usableFromInline
package enum FieldValidation {
  /// Which section the fields are for.
  package enum Section {
    case informational, final, trailers
  }

  /// The most bytes of names and values in one section: far beyond what clients take, and below what lengths on the way
  /// to them can say.
  private static let mostBytes = 1 << 26

  /// What the fields of an acceptable section amount to. Whole words, since each answer takes one with it: a few moves.
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

    /// Names and values together.
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
    /// Nothing in them says what the server would say otherwise.
    @inlinable
    var leavesDateAndServer: Bool { present.rawValue == 0 }

    fileprivate mutating func noteDate() { present.insert(.date) }
    fileprivate mutating func noteServer() { present.insert(.server) }
  }

  /// The verdict on all of `fields`, or nil if one of them is malformed or not the plugin's to send.
  ///
  /// Names are tokens, which leaves no room for pseudo-fields; values have no control character but HTAB, which
  /// leaves none for injection; and nothing that frames the message or belongs to the connection passes.
  package static func check(_ fields: Fields, for section: Section) -> Verdict? {
    var verdict = Verdict()
    var bytes = 0
    for index in 0..<fields.count {
      let field = fields[index]
      // Nearly all answers have a Content-Type, any section may, and its name is well-formed.
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

  /// Whether a field whose name may be known is the plugin's to send.
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
    // White space at the ends is no part of a value (RFC 9110 section 5.5), and malformed in HTTP/2. What is below it
    // is no part of a value anywhere.
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
