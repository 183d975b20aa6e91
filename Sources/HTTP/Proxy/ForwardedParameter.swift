/// The parameters of Forwarded.
package enum ForwardedParameter: UInt8, CaseIterable {
  case `for`, by, host, proto

  /// The parameter of that name, in any case.
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

  /// The parameter's value without quotes; nil if the element has none. Escapes within quotes are kept.
  ///
  /// - Parameter element: an element of a well-formed line.
  package func value(in element: Bytes) -> Bytes? {
    var pairs = ForwardedPairs(element)
    while let pair = pairs.next() {
      if ForwardedParameter(pair.name) == self { return pair.value }
    }
    return nil
  }

  /// Whether a Forwarded line is unambiguous: its quotes are where `ForwardedPairs` allows them, and no element
  /// contains a parameter twice.
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
