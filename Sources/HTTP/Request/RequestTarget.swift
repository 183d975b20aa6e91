/// The four forms of a request target (RFC 9112 section 3.2).
package struct RequestTarget {
  package let path: Bytes
  package let query: Bytes
  /// The authority of the absolute and authority forms; empty in the others.
  package let authority: Bytes

  /// Takes `target` apart, whose bytes are known to be visible ASCII, or says nil if it has none of the forms.
  @inlinable
  package init?(_ target: Bytes, method: Bytes) {
    guard !target.isEmpty else { return nil }
    if target[0] == ASCII.slash && !(method.count == 7 && method.equals(Bytes("CONNECT"))) {
      self.init(pathAndQuery: target, authority: .empty)
    } else {
      self.init(otherForm: target, method: method)
    }
  }

  /// The asterisk form, for OPTIONS alone; the authority form, for CONNECT alone; the absolute form.
  @usableFromInline
  package init?(otherForm target: Bytes, method: Bytes) {
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

  /// `http://authority/path?query`, or https. Userinfo is refused (RFC 9110 section 4.2.4).
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
      self.init(pathAndQuery: target.dropFirst(end), authority: authority)
    } else {
      // "" and "?query": an empty path stands for "/".
      let query = target.dropFirst(min(end + 1, target.count))
      guard query.firstIndex(of: UInt8(ascii: "#")) == nil else { return nil }
      self.init(path: Bytes("/"), query: query, authority: authority)
    }
  }

  @usableFromInline
  package init(path: Bytes, query: Bytes, authority: Bytes) {
    self.path = path
    self.query = query
    self.authority = authority
  }

  /// A fragment has no place in a target.
  @usableFromInline
  package init?(pathAndQuery target: Bytes, authority: Bytes) {
    let (question, hash) = (ASCII.question, UInt8(ascii: "#"))
    guard let base = unsafe target.base else { return nil }
    let pathEnd = unsafe ByteScan.first(question, or: hash, base, from: 0, to: target.count)
    if pathEnd < target.count {
      let fragment =
        target[pathEnd] == hash
        ? pathEnd : unsafe ByteScan.first(hash, or: hash, base, from: pathEnd, to: target.count)
      guard fragment == target.count else { return nil }
    }
    self.init(
      path: target.slice(0, pathEnd), query: target.dropFirst(min(pathEnd + 1, target.count)), authority: authority)
  }
}
