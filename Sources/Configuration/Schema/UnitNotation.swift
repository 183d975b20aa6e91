/// A duration; `Settings` stores all durations in this unit.
package typealias Nanoseconds = UInt64

/// A whole number with a unit, such as `30s` or `64KiB`.
struct UnitNotation: Sendable {
  struct Unit: Sendable {
    let name: String
    let factor: UInt64
  }

  /// From the smallest to the largest.
  let units: [Unit]
  /// An example of a value, for messages.
  let example: String

  /// `500ms`, `30s`, `2m`, `1h`, in nanoseconds.
  static let duration = UnitNotation(
    units: [
      Unit(name: "ms", factor: 1_000_000), Unit(name: "s", factor: 1_000_000_000),
      Unit(name: "m", factor: 60_000_000_000), Unit(name: "h", factor: 3_600_000_000_000),
    ], example: #"a duration such as "30s" (ms, s, m, h)"#)

  /// `512`, `64KiB`, `10MiB`, `1GiB`, `2TiB`, in bytes.
  static let size = UnitNotation(
    units: [
      Unit(name: "", factor: 1), Unit(name: "KiB", factor: 1 << 10), Unit(name: "MiB", factor: 1 << 20),
      Unit(name: "GiB", factor: 1 << 30), Unit(name: "TiB", factor: 1 << 40),
    ], example: #"a size such as "64KiB" (bytes, KiB, MiB, GiB, TiB)"#)

  enum UnitNotationError: Error {
    case malformed
    case tooLarge
  }

  func value(of text: String) throws(UnitNotationError) -> UInt64 {
    let digits = text.utf8.prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    let name = text.utf8.dropFirst(digits.count)
    guard !digits.isEmpty, let unit = units.first(where: { $0.name.utf8.elementsEqual(name) }) else {
      throw .malformed
    }
    guard let count = UInt64(Substring(digits)) else { throw .tooLarge }
    let (value, isTooLarge) = count.multipliedReportingOverflow(by: unit.factor)
    if isTooLarge { throw .tooLarge }
    return value
  }

  /// The value in the largest unit that gives a whole number: 90 s are `90s`, 120 s are `2m`.
  func text(of value: UInt64) -> String {
    let unit = units.last { value >= $0.factor && value % $0.factor == 0 }
    // 0, or less than the smallest unit, which no value from a file is.
    guard let unit else { return self.units[0].factor == 1 ? "\(value)" : "\(value / units[0].factor)\(units[0].name)" }
    return "\(value / unit.factor)\(unit.name)"
  }
}
