/// Date, formatted once a second (RFC 9110 section 5.6.7), with the lines that nearly all responses have before it.
@safe
package struct DateField: ~Copyable {
  /// `Sun, 06 Nov 1994 08:49:37 GMT`.
  package static let length = 29

  private let text: UnsafeMutablePointer<UInt8>
  /// How long the text is, and where in it the line and its value begin.
  private let textCount: Int
  private let lineStart: Int
  private let valueStart: Int
  private var second: Int64 = .min

  package init() {
    let capacity = 128
    unsafe text = .allocate(capacity: capacity)
    var writer = unsafe ByteWriter(base: text, capacity: capacity)
    writer.append(ResponseEncoder.okLine)
    writer.append(ResponseEncoder.serverLine)
    lineStart = writer.count
    writer.append("Date: ")
    valueStart = writer.count
    for _ in 0..<DateField.length { writer.append(ASCII.space) }
    writer.append("\r\n")
    textCount = writer.count
  }

  deinit { unsafe text.deallocate() }

  // All are valid until the next `update`.

  /// The present value.
  package var value: Bytes { unsafe Bytes(base: text + valueStart, count: DateField.length) }
  /// The field as a line.
  var line: Bytes { unsafe Bytes(base: text + lineStart, count: textCount &- lineStart) }
  /// The status line of 200, Server and Date: how most responses begin, in one piece.
  var opening: Bytes { unsafe Bytes(base: text, count: textCount) }

  /// Formats `seconds` since the epoch, if they are not what the value says already.
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

  /// 1970-01-01 was a Thursday: day 0 is number 3 of a week that begins on Monday.
  private func name(of index: Int64, in names: StaticString, count: Int64) -> Bytes {
    let start = Int(index % count) * 3
    return Bytes(names).slice(start, start + 3)
  }

  /// Year, month and day of a number of days since the epoch, by counting in 400-year eras that begin in March, so
  /// that the leap day is the last of its year.
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
