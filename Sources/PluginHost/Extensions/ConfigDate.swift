import COutrider

/// A date, a time, or both, parsed from TOML's format (RFC 3339).
struct ConfigDate {
  private(set) var abi = outrider_config_date()

  /// Nil for malformed text.
  init?(_ text: [UInt8]) {
    var rest = text[...]
    if rest.count >= 10, rest[rest.startIndex + 4] == UInt8(ascii: "-") {
      guard let year = Self.number(&rest, 4), Self.skip(&rest, "-"), let month = Self.number(&rest, 2),
        Self.skip(&rest, "-"), let day = Self.number(&rest, 2)
      else { return nil }
      (abi.year, abi.month, abi.day) = (year, month, day)
      abi.parts |= OUTRIDER_CONFIG_HAS_DATE
      if rest.isEmpty { return }
      guard Self.skip(&rest, "Tt ") else { return nil }
    }
    guard let hour = Self.number(&rest, 2), Self.skip(&rest, ":"), let minute = Self.number(&rest, 2) else {
      return nil
    }
    (abi.hour, abi.minute) = (hour, minute)
    abi.parts |= OUTRIDER_CONFIG_HAS_TIME
    if Self.skip(&rest, ":") {
      guard let second = Self.number(&rest, 2) else { return nil }
      abi.second = second
      if Self.skip(&rest, ".") { abi.nanosecond = Self.nanoseconds(&rest) }
    }
    if rest.isEmpty { return }
    abi.parts |= OUTRIDER_CONFIG_HAS_OFFSET
    if Self.skip(&rest, "Zz") {
      guard rest.isEmpty else { return nil }
      return
    }
    let isWest = rest.first == UInt8(ascii: "-")
    guard Self.skip(&rest, "+-"), let hours = Self.number(&rest, 2), Self.skip(&rest, ":"),
      let minutes = Self.number(&rest, 2), rest.isEmpty
    else { return nil }
    abi.offset_minutes = Int32(hours * 60 + minutes) * (isWest ? -1 : 1)
  }

  private static func skip(_ rest: inout ArraySlice<UInt8>, _ anyOf: StaticString) -> Bool {
    guard let first = rest.first, anyOf.withUTF8Buffer({ unsafe $0.contains(first) }) else { return false }
    rest = rest.dropFirst()
    return true
  }

  /// A number of exactly `count` digits, at most four.
  private static func number(_ rest: inout ArraySlice<UInt8>, _ count: Int) -> UInt32? {
    guard rest.count >= count else { return nil }
    var number: UInt32 = 0
    for digit in rest.prefix(count) {
      guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) else { return nil }
      number = number * 10 + UInt32(digit - UInt8(ascii: "0"))
    }
    rest = rest.dropFirst(count)
    return number
  }

  /// Nanoseconds from the fraction of a second; digits after the ninth are ignored.
  private static func nanoseconds(_ rest: inout ArraySlice<UInt8>) -> UInt32 {
    var number: UInt32 = 0
    var unit: UInt32 = 100_000_000
    while let digit = rest.first, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(digit) {
      number += UInt32(digit - UInt8(ascii: "0")) * unit
      unit /= 10
      rest = rest.dropFirst()
    }
    return number
  }
}
