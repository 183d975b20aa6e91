import Glibc
import HTTP

/// The current second as the access log writes it, in local time; formatted again only when the second changes.
@safe
struct LogTime: ~Copyable {
  private let text: UnsafeMutablePointer<UInt8>
  private var second: Int64 = .min

  private static let clfLength = 28
  private static let dateLength = 19
  private static let zoneLength = 6

  init() { unsafe text = .allocate(capacity: LogTime.clfLength + LogTime.dateLength + LogTime.zoneLength) }

  deinit { unsafe text.deallocate() }

  /// `[10/Oct/2000:13:55:36 -0700]`, as the Common Log Format has it.
  var clf: Bytes { unsafe Bytes(base: text, count: LogTime.clfLength) }

  /// `2000-10-10T13:55:36` and `-07:00`, between which fractions of the second may stand (RFC 3339).
  var date: Bytes { unsafe Bytes(base: text + LogTime.clfLength, count: LogTime.dateLength) }
  var zone: Bytes { unsafe Bytes(base: text + LogTime.clfLength + LogTime.dateLength, count: LogTime.zoneLength) }

  /// - Parameter seconds: since the epoch.
  mutating func update(_ seconds: Int64) {
    guard seconds != second else { return }
    second = seconds
    var time = time_t(seconds)
    var parts = unsafe tm()
    unsafe localtime_r(&time, &parts)
    let month = unsafe Int(parts.tm_mon) * 3
    let year = unsafe Int(parts.tm_year) + 1900
    let (day, hour) = unsafe (Int(parts.tm_mday), Int(parts.tm_hour))
    let (minute, seconds) = unsafe (Int(parts.tm_min), Int(parts.tm_sec))
    let offset = unsafe Int(abs(parts.tm_gmtoff)) / 60
    let sign: StaticString = unsafe parts.tm_gmtoff < 0 ? "-" : "+"

    var writer = unsafe ByteWriter(base: text, capacity: LogTime.clfLength + LogTime.dateLength + LogTime.zoneLength)
    writer.append("[")
    writer.append(twoDigits: day)
    writer.append("/")
    writer.append(Bytes("JanFebMarAprMayJunJulAugSepOctNovDec").slice(month, month + 3))
    writer.append("/")
    writer.append(twoDigits: year / 100)
    writer.append(twoDigits: year)
    writer.append(":")
    writer.appendTime(hour, minute, seconds)
    writer.append(" ")
    writer.append(sign)
    writer.append(twoDigits: offset / 60)
    writer.append(twoDigits: offset % 60)
    writer.append("]")

    writer.append(twoDigits: year / 100)
    writer.append(twoDigits: year)
    writer.append("-")
    writer.append(twoDigits: month / 3 + 1)
    writer.append("-")
    writer.append(twoDigits: day)
    writer.append("T")
    writer.appendTime(hour, minute, seconds)
    writer.append(sign)
    writer.append(twoDigits: offset / 60)
    writer.append(":")
    writer.append(twoDigits: offset % 60)
  }
}

extension ByteWriter {
  fileprivate mutating func appendTime(_ hour: Int, _ minute: Int, _ second: Int) {
    append(twoDigits: hour)
    append(":")
    append(twoDigits: minute)
    append(":")
    append(twoDigits: second)
  }

  /// The last two digits of a number.
  fileprivate mutating func append(twoDigits value: Int) {
    append(0x30 + UInt8(truncatingIfNeeded: value / 10 % 10))
    append(0x30 + UInt8(truncatingIfNeeded: value % 10))
  }
}
