/// The four forms of a request target (RFC 9112 section 3.2).
package struct RequestTarget {
  package let path: Bytes
  package let query: Bytes
  /// The authority of absolute and authority form; empty in the others.
  package let authority: Bytes

  /// The length of the visible bytes at the start, and where the path ends.
  package struct Extent {
    package private(set) var count: Int
    /// The length of the path: up to the first question mark, if there is one.
    fileprivate var pathCount: Int
    fileprivate var hasFragment = false

    /// Measures the bytes from one pointer to another.
    @inline(__always)
    package init(_ start: UnsafePointer<UInt8>, _ end: UnsafePointer<UInt8>) {
      var place = unsafe ByteScan.endOfPath(start, end) ?? end
      pathCount = unsafe place - start
      if unsafe place < end && place.pointee == ASCII.question {
        unsafe place = ByteScan.endOfQuery(place + 1, end) ?? end
      }
      if unsafe place < end && place.pointee == UInt8(ascii: "#") {
        hasFragment = true
        unsafe place = ByteScan.invisible(place + 1, end) ?? end
      }
      count = unsafe place - start
    }
  }

  /// Parses the nonempty target at `start`; nil if it has none of the forms.
  @inline(__always)
  package init?(_ start: UnsafePointer<UInt8>, _ extent: Extent, method: Bytes) {
    if unsafe start.pointee == ASCII.slash && !(method.count == 7 && method.equals(Bytes("CONNECT"))) {
      unsafe self.init(pathAndQuery: start, extent, authority: .empty)
    } else {
      unsafe self.init(otherForm: Bytes(base: start, count: extent.count), method: method)
    }
  }

  /// The asterisk form, only for OPTIONS; the authority form, only for CONNECT; the absolute form.
  @inline(never)
  private init?(otherForm target: Bytes, method: Bytes) {
    if method.equals(Bytes("CONNECT")) {
      guard Authority.isValid(target, portRequired: true) else { return nil }
      self.init(path: .empty, query: .empty, authority: target)
    } else if target.equals(Bytes("*")) {
      guard method.equals(Bytes("OPTIONS")) else { return nil }
      self.init(path: target, query: .empty, authority: .empty)
    } else {
      self.init(absolute: target)
    }
  }

  /// `http://authority/path?query`, or https. Userinfo is rejected (RFC 9110 section 4.2.4).
  private init?(absolute target: Bytes) {
    let schemeEnd: Int
    if target.count > 7 && target.slice(0, 7).equalsIgnoringCase("http://") {
      schemeEnd = 7
    } else if target.count > 8 && target.slice(0, 8).equalsIgnoringCase("https://") {
      schemeEnd = 8
    } else {
      return nil
    }
    var end = schemeEnd
    while end < target.count && target[end] != ASCII.slash && target[end] != ASCII.question { end += 1 }
    let authority = target.slice(schemeEnd, end)
    guard Authority.isValid(authority) else { return nil }
    if end < target.count && target[end] == ASCII.slash {
      guard let start = unsafe target.base.map({ unsafe $0 + end }) else { return nil }
      unsafe self.init(pathAndQuery: start, Extent(start, start + (target.count - end)), authority: authority)
    } else {
      // For "" and "?query": an empty path is equivalent to "/".
      let query = target.dropFirst(min(end + 1, target.count))
      guard query.firstIndex(of: UInt8(ascii: "#")) == nil else { return nil }
      self.init(path: Bytes("/"), query: query, authority: authority)
    }
  }

  private init(path: Bytes, query: Bytes, authority: Bytes) {
    self.path = path
    self.query = query
    self.authority = authority
  }

  /// A target must not contain a fragment.
  @inline(__always)
  private init?(pathAndQuery start: UnsafePointer<UInt8>, _ extent: Extent, authority: Bytes) {
    if extent.hasFragment { return nil }
    let queryStart = min(extent.pathCount &+ 1, extent.count)
    path = unsafe Bytes(base: start, count: extent.pathCount)
    query = unsafe Bytes(base: start + queryStart, count: extent.count &- queryStart)
    self.authority = authority
  }
}
