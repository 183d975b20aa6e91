/// The syntax of IP addresses in a host (RFC 3986 section 3.2.2).
enum IPLiteral {
  /// `IPv6address`: eight groups of up to four hexadecimal digits; a run of zero groups may be written as `::`, and the
  /// last two groups as an IPv4 address.
  static func isIPv6(_ bytes: Bytes) -> Bool {
    var groups = 0
    var hasGap = false
    var index = 0
    if bytes.count >= 2 && bytes[0] == ASCII.colon {
      guard bytes[1] == ASCII.colon else { return false }
      hasGap = true
      index = 2
    }
    while index < bytes.count {
      let start = index
      while index < bytes.count && bytes[index] != ASCII.colon { index += 1 }
      let group = bytes.slice(start, index)
      if group.firstIndex(of: ASCII.dot) != nil {
        guard index == bytes.count && isIPv4(group) else { return false }
        groups += 2
        break
      }
      guard isGroup(group) else { return false }
      groups += 1
      guard index < bytes.count else { break }
      index += 1
      // A colon at the end is the second half of `::`, or an error.
      guard index < bytes.count else { return false }
      if bytes[index] == ASCII.colon {
        guard !hasGap else { return false }
        hasGap = true
        index += 1
      }
    }
    return hasGap ? groups <= 7 : groups == 8
  }

  /// `IPv4address`: four numbers up to 255, without leading zeros.
  static func isIPv4(_ bytes: Bytes) -> Bool {
    var numbers = 0
    var start = 0
    while start <= bytes.count {
      var end = start
      while end < bytes.count && bytes[end] != ASCII.dot { end += 1 }
      let digits = bytes.slice(start, end)
      guard digits.count <= 3, let number = DecimalLength.parse(digits), number <= 255 else { return false }
      guard digits.count == 1 || digits[0] != 0x30 else { return false }
      numbers += 1
      start = end + 1
    }
    return numbers == 4
  }

  private static func isGroup(_ digits: Bytes) -> Bool {
    guard !digits.isEmpty && digits.count <= 4 else { return false }
    for index in 0..<digits.count where ASCII.hexValue(digits[index]) == nil { return false }
    return true
  }
}
