/// The Date field, formatted once a second (RFC 9110 section 5.6.7), together with the lines that usually precede it,
/// including Server as configured when this value is made.
@safe
@usableFromInline
package struct DateField: ~Copyable {
  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  package static let length = 29

  private let text: UnsafeMutablePointer<UInt8>
  private let valueStart: Int
  /// The value of Server; empty for none.
  package let server: Bytes
  /// The field lines of a response.
  @usableFromInline package let lines: Lines
  private var second: Int64 = .min

  package init() {
    server = ServerField.value
    let capacity = 128 + server.count
    unsafe text = .allocate(capacity: capacity)
    var writer = unsafe ByteWriter(base: text, capacity: capacity)
    writer.append(ResponseEncoder.okLine)
    let serverStart = writer.count
    if !server.isEmpty { writer.append(line: Field(name: Bytes("Server"), value: server)) }
    let lineStart = writer.count
    writer.append("Date: ")
    valueStart = writer.count
    for _ in 0..<DateField.length { writer.append(ASCII.space) }
    writer.append("\r\n")
    lines = unsafe Lines(
      text: UnsafePointer(text), count: writer.count, serverStart: serverStart, lineStart: lineStart)
  }

  deinit { unsafe text.deallocate() }

  /// The current value, valid until the next `update`.
  package var value: Bytes { unsafe Bytes(base: text + valueStart, count: DateField.length) }

  /// Views of the field's text. They are valid as long as the field; their content changes with its next `update`.
  @safe
  @usableFromInline
  package struct Lines {
    @usableFromInline let text: UnsafePointer<UInt8>
    @usableFromInline let count: Int
    /// The positions of the Server line and of the Date line in the text.
    private let serverStart: Int
    private let lineStart: Int

    fileprivate init(text: UnsafePointer<UInt8>, count: Int, serverStart: Int, lineStart: Int) {
      unsafe self.text = text
      self.count = count
      self.serverStart = serverStart
      self.lineStart = lineStart
    }

    /// The Server line; empty for none.
    var server: Bytes { unsafe Bytes(base: text + serverStart, count: lineStart &- serverStart) }

    /// The Date line.
    var date: Bytes { unsafe Bytes(base: text + lineStart, count: count &- lineStart) }
    /// The status line of 200, Server and Date in one piece, which most responses begin with.
    @inlinable
    var opening: Bytes { unsafe Bytes(base: text, count: count) }
  }

  /// Formats `seconds` since the epoch, unless that is the current value.
  package mutating func update(_ seconds: Int64) {
    guard seconds != second else { return }
    second = seconds
    let days = seconds / 86_400
    let inDay = seconds % 86_400
    let (year, month, day) = DateField.civil(days)
    var writer = unsafe ByteWriter(base: text + valueStart, capacity: DateField.length)
    writer.append(name(of: days + 3, in: "MonTueWedThuFriSatSun", count: 7))
    writer.append(", ")
    writer.append(twoDigits: day)
    writer.append(" ")
    writer.append(name(of: month - 1, in: "JanFebMarAprMayJunJulAugSepOctNovDec", count: 12))
    writer.append(" ")
    writer.append(twoDigits: year / 100)
    writer.append(twoDigits: year % 100)
    writer.append(" ")
    writer.append(twoDigits: inDay / 3600)
    writer.append(":")
    writer.append(twoDigits: inDay / 60 % 60)
    writer.append(":")
    writer.append(twoDigits: inDay % 60)
    writer.append(" GMT")
  }

  /// 1970-01-01 was a Thursday: day 0 has index 3 in a week that begins on Monday.
  private func name(of index: Int64, in names: StaticString, count: Int64) -> Bytes {
    let start = Int(index % count) * 3
    return Bytes(names).slice(start, start + 3)
  }

  /// Year, month and day for a number of days since the epoch. Counts in 400-year eras that begin in March, so that the
  /// leap day is the last day of its year.
  private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
    let shifted = days + 719_468
    let era = shifted / 146_097
    let dayOfEra = shifted % 146_097
    let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
    let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
    let marchMonth = (5 * dayOfYear + 2) / 153
    let day = dayOfYear - (153 * marchMonth + 2) / 5 + 1
    let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
    return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day)
  }
}

extension ByteWriter {
  fileprivate mutating func append(twoDigits value: Int64) {
    append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
    append(0x30 + UInt8(truncatingIfNeeded: value % 10))
  }
}
