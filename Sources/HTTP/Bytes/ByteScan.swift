/// Scans that decide how fast a head is read: sixteen bytes a step.
///
/// Each finds the first byte of a kind between two pointers, the second of which is one behind the last byte; nil if
/// there is none.
package enum ByteScan {
  package typealias Place = UnsafePointer<UInt8>

  /// A control character (below 0x20, or 0x7F). HTAB counts as one; the caller goes on behind it where the grammar
  /// allows tabs.
  @inline(__always)
  package static func control(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.controls }
  }

  /// The same between two pointers before the second of which there are sixteen bytes: the last block of them begins
  /// where it has to, even before `start`.
  @inline(__always)
  static func controlInBlocks(_ start: Place, _ end: Place) -> Place? {
    var place = unsafe start
    let lastBlock = unsafe end - 16
    while unsafe place < lastBlock {
      let answers = unsafe ByteBlock(place).controls
      if answers != 0 { return unsafe place + answers.trailingZeroBitCount }
      unsafe place += 16
    }
    let answers = unsafe ByteBlock(lastBlock).controls &>> UInt32(truncatingIfNeeded: place - lastBlock)
    return unsafe answers == 0 ? nil : place + answers.trailingZeroBitCount
  }

  /// Anything but visible ASCII (0x21 to 0x7E).
  package static func invisible(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.invisibles }
  }

  /// What ends the path of a request target: a question mark, the sign of a fragment, or anything invisible.
  package static func endOfPath(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.endsOfPath }
  }

  /// What ends the query: the sign of a fragment, or anything invisible.
  package static func endOfQuery(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.endsOfQuery }
  }

  /// Anything but a letter or a hyphen: where a field name of the usual kind ends.
  package static func unusualInName(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.unusualInNames }
  }

  /// The same for names shorter than 32 bytes with as many behind them; nil for others.
  @inline(__always)
  static func unusualInShortName(_ start: Place, _ end: Place) -> Place? {
    // Without a loop, since few names take two blocks.
    guard unsafe start <= end - 16 else { return nil }
    let answers = unsafe ByteBlock(start).unusualInNames
    if answers != 0 { return unsafe start + answers.trailingZeroBitCount }
    guard unsafe start <= end - 32 else { return nil }
    let more = unsafe ByteBlock(start + 16).unusualInNames
    return more == 0 ? nil : unsafe start + 16 + more.trailingZeroBitCount
  }

  /// Anything but a letter, a digit, a hyphen or a dot.
  @inline(__always)
  package static func unusualInHost(_ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.unusualInHosts }
  }

  /// That byte, which is not 0.
  package static func byte(_ byte: UInt8, _ start: Place, _ end: Place) -> Place? {
    unsafe first(start, end) { $0.matches(byte) }
  }

  /// Whether there is no control character between two different pointers.
  static func hasNoControl(_ start: Place, _ end: Place) -> Bool { unsafe hasNone(start, end) { $0.controls } }

  /// Whether there are letters and hyphens alone between two different pointers.
  static func isUsualName(_ start: Place, _ end: Place) -> Bool { unsafe hasNone(start, end) { $0.unusualInNames } }

  /// Whether there is neither a percent sign nor a dot between two different pointers.
  static func hasNoPercentOrDot(_ start: Place, _ end: Place) -> Bool {
    unsafe hasNone(start, end) { $0.percentsAndDots }
  }

  @inline(__always)
  private static func hasNone(_ start: Place, _ end: Place, _ question: (ByteBlock) -> UInt32) -> Bool {
    let count = unsafe end - start
    if count < 16 { return question(unsafe ByteBlock(covering: start, count: count)) == 0 }
    let lastBlock = unsafe end - 16
    var place = unsafe start
    while unsafe place < lastBlock {
      if question(unsafe ByteBlock(place)) != 0 { return false }
      unsafe place += 16
    }
    // The last may overlap the one before it.
    return question(unsafe ByteBlock(lastBlock)) == 0
  }

  /// The first byte whose bit is set in what `question` says of the blocks.
  @inline(__always)
  private static func first(_ start: Place, _ end: Place, _ question: (ByteBlock) -> UInt32) -> Place? {
    var place = unsafe start
    if let found = unsafe first(&place, blocksBefore: end, question) { return unsafe found }
    guard unsafe place < end else { return nil }
    let answers = question(unsafe ByteBlock.rest(place, count: end - place))
    let found = unsafe place + answers.trailingZeroBitCount
    // The zeros behind the last byte may answer as well.
    return unsafe answers != 0 && found < end ? found : nil
  }

  @inline(__always)
  private static func first(
    _ place: inout Place, blocksBefore end: Place, _ question: (ByteBlock) -> UInt32
  ) -> Place? {
    let lastBlock = unsafe end - 16
    while unsafe place <= lastBlock {
      let answers = question(unsafe ByteBlock(place))
      if answers != 0 { return unsafe place + answers.trailingZeroBitCount }
      unsafe place += 16
    }
    return nil
  }
}
