/// What Forwarded says of a hop.
package enum ForwardedParameter: UInt8, CaseIterable {
  case `for`, by, host, proto

  /// By its name, in any case of letters.
  init?(_ name: Bytes) {
    if name.equalsIgnoringCase("for") {
      self = .for
    } else if name.equalsIgnoringCase("by") {
      self = .by
    } else if name.equalsIgnoringCase("host") {
      self = .host
    } else if name.equalsIgnoringCase("proto") {
      self = .proto
    } else {
      return nil
    }
  }

  /// The parameter's value, without quotes; nil if the element has none. Escapes within quotes are left.
  ///
  /// - Parameter element: of a line that is well-formed.
  package func value(in element: Bytes) -> Bytes? {
    var pairs = ForwardedPairs(element)
    while let pair = pairs.next() {
      if ForwardedParameter(pair.name) == self { return pair.value }
    }
    return nil
  }

  /// Whether a line of Forwarded can be read in one way only: its quotes are where `ForwardedPairs` wants them, and no
  /// element says twice what it says of its hop.
  package static func isWellFormed(_ line: Bytes) -> Bool {
    var pairs = ForwardedPairs(line)
    var told: UInt8 = 0
    while let pair = pairs.next() {
      if let parameter = ForwardedParameter(pair.name) {
        let bit = UInt8(1) << parameter.rawValue
        if told & bit != 0 { return false }
        told |= bit
      }
      if pair.endsElement { told = 0 }
    }
    return !pairs.isMalformed
  }
}
