/// A length in decimal digits, as in Content-Length.
package enum DecimalLength {
  /// The number, or nil if `bytes` is anything but 1 to 19 digits within `Int64`.
  package static func parse(_ bytes: Bytes) -> Int64? {
    guard !bytes.isEmpty && bytes.count <= 19 else { return nil }
    var length: Int64 = 0
    for index in 0..<bytes.count {
      guard ASCII.isDigit(bytes[index]) else { return nil }
      let (product, overflowed) = length.multipliedReportingOverflow(by: 10)
      let (sum, overflowedAgain) = product.addingReportingOverflow(Int64(bytes[index] - 0x30))
      if overflowed || overflowedAgain { return nil }
      length = sum
    }
    return length
  }
}
