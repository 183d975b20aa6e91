/// A `traceparent` field (W3C Trace Context, level 2), which identifies the trace that the request belongs to.
package struct TraceParent {
  /// 32 and 16 lower-case hexadecimal digits, as views of the field.
  package let traceID: Bytes
  package let parentID: Bytes
  package let version: UInt8
  /// Bit 0: the caller may have recorded the trace.
  package let flags: UInt8

  private static let length = 55
  private static let dashes = [2, 35, 52]

  /// Nil for a value that has to be ignored.
  package init?(_ value: Bytes) {
    // Versions after 00 may have more text after another dash.
    guard value.count >= Self.length, Self.dashes.allSatisfy({ value[$0] == UInt8(ascii: "-") }),
      let version = Self.number(value.slice(0, 2)), version != 0xFF,
      value.count == Self.length || version > 0 && value[Self.length] == UInt8(ascii: "-"),
      Self.isID(value.slice(3, 35)), Self.isID(value.slice(36, 52)), let flags = Self.number(value.slice(53, 55))
    else { return nil }
    traceID = value.slice(3, 35)
    parentID = value.slice(36, 52)
    self.version = version
    self.flags = flags
  }

  /// The traceparent of a request; nil if it has none, an invalid one, or several.
  package init?(of fields: Fields) {
    var found: Bytes?
    for index in 0..<fields.count {
      guard fields[index].name.count == 11, fields[index].name.equalsIgnoringCase("traceparent") else { continue }
      if found != nil { return nil }
      found = fields[index].value
    }
    guard let found else { return nil }
    self.init(found)
  }

  /// Writes the bytes that an ID's digits represent.
  package static func write(_ digits: Bytes, to bytes: UnsafeMutablePointer<UInt8>) {
    for index in 0..<digits.count / 2 {
      unsafe bytes[index] = (digit(digits[2 * index]) ?? 0) << 4 | (digit(digits[2 * index + 1]) ?? 0)
    }
  }

  private static func isID(_ digits: Bytes) -> Bool {
    var isZero = true
    for index in 0..<digits.count {
      guard let digit = digit(digits[index]) else { return false }
      if digit != 0 { isZero = false }
    }
    return !isZero
  }

  private static func number(_ digits: Bytes) -> UInt8? {
    guard let high = digit(digits[0]), let low = digit(digits[1]) else { return nil }
    return high << 4 | low
  }

  private static func digit(_ byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
    default: nil
    }
  }
}
