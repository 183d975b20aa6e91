/// The format of an access log line, as configured by `log.access_format`: gunicorn's atoms between other text.
package struct AccessFormat: Sendable, Equatable {
  package enum Piece: Sendable, Equatable {
    case literal(String)
    case atom(AccessAtom)
    /// A field of the request or the response; its name is in lower case.
    case requestField(String)
    case responseField(String)
    /// The note that a plugin has added under that key.
    case note(String)
  }

  /// The notation of values: with backslash escapes between other text, or as JSON.
  package enum Notation: Sendable { case text, json }

  /// The maximum length of a format, its maximum number of atoms, and that of response fields.
  package static let longest = 1024
  package static let mostAtoms = 40
  package static let mostResponseFields = 8

  /// The format as configured.
  package let text: String
  package let notation: Notation
  package let pieces: [Piece]

  /// - Parameter text: `common`, `combined`, `json`, or a format with atoms.
  init(_ text: String) throws(ValueSyntaxError) {
    switch text {
    case "common": self = .common
    case "combined": self = .combined
    case "json": self = .json
    default: try self.init(atoms: text)
    }
  }

  private init(_ text: String, _ notation: Notation, _ pieces: [Piece]) {
    self.text = text
    self.notation = notation
    self.pieces = pieces
  }

  // MARK: Named formats

  private static var common: AccessFormat {
    AccessFormat(
      "common", .text,
      [
        .atom(.remoteAddress), .literal(" - "), .atom(.user), .literal(" "), .atom(.time), .literal(" \""),
        .atom(.requestLine), .literal("\" "), .atom(.status), .literal(" "), .atom(.bodyBytesOrDash),
      ])
  }

  package static var combined: AccessFormat {
    AccessFormat(
      "combined", .text,
      common.pieces + [
        .literal(" \""), .atom(.referer), .literal("\" \""), .atom(.userAgent), .literal("\""),
      ])
  }

  private static var json: AccessFormat {
    let members: [(name: String, atom: AccessAtom)] = [
      ("time", .timestamp), ("remote_address", .remoteAddress), ("user", .user), ("method", .method),
      ("path", .path), ("query", .query), ("protocol", .version), ("scheme", .scheme), ("host", .host),
      ("status", .status), ("bytes", .bodyBytes), ("duration_seconds", .decimalSeconds), ("hints", .hints),
      ("outcome", .outcome),
      ("referer", .referer), ("user_agent", .userAgent), ("plugin", .plugin), ("request_id", .requestID),
      ("pid", .pid), ("trace_id", .traceID), ("parent_id", .parentID), ("notes", .notes),
    ]
    var pieces: [Piece] = []
    for (name, atom) in members {
      pieces += [.literal("\(pieces.isEmpty ? "{" : ",")\"\(name)\":"), .atom(atom)]
    }
    return AccessFormat("json", .json, pieces + [.literal("}")])
  }

  // MARK: Parsing

  private init(atoms text: String) throws(ValueSyntaxError) {
    guard text.utf8.count <= AccessFormat.longest, !text.utf8.contains(where: { $0 < 0x20 || $0 == 0x7F }) else {
      throw ValueSyntaxError(reason: "a format has at most \(AccessFormat.longest) bytes, and no control characters")
    }
    var pieces: [Piece] = []
    var literal = ""
    var rest = text[...]
    while let percent = rest.firstIndex(of: "%") {
      literal += rest[..<percent]
      rest = rest[rest.index(after: percent)...]
      if rest.first == "%" {
        literal += "%"
        rest = rest.dropFirst()
        continue
      }
      let column = text.distance(from: text.startIndex, to: percent) + 1
      let piece = try AccessFormat.takeAtom(&rest, column)
      if !literal.isEmpty { pieces.append(.literal(literal)) }
      literal = ""
      pieces.append(piece)
    }
    literal += rest
    if !literal.isEmpty { pieces.append(.literal(literal)) }
    let atoms = pieces.count { if case .literal = $0 { false } else { true } }
    guard atoms > 0 else {
      throw ValueSyntaxError(reason: "neither common, combined, json nor a format with atoms such as %(h)s")
    }
    let responseFields = pieces.count { if case .responseField = $0 { true } else { false } }
    guard atoms <= AccessFormat.mostAtoms, responseFields <= AccessFormat.mostResponseFields else {
      throw ValueSyntaxError(
        reason:
          "a format has at most \(AccessFormat.mostAtoms) atoms, \(AccessFormat.mostResponseFields) of them fields of the response"
      )
    }
    self.init(text, .text, pieces)
  }

  /// Removes `(name)s` from the front of `text`.
  private static func takeAtom(_ text: inout Substring, _ column: Int) throws(ValueSyntaxError) -> Piece {
    guard text.first == "(", let end = text.firstIndex(of: ")"), text[end...].dropFirst().first == "s" else {
      throw ValueSyntaxError(reason: "character \(column): an atom looks like %(h)s, and a percent sign is %%")
    }
    let name = String(text[..<end].dropFirst())
    text = text[end...].dropFirst(2)
    guard let piece = Piece(atom: name) else {
      throw ValueSyntaxError(reason: "character \(column): there is no atom \(QuotedText.shown(name))")
    }
    return piece
  }
}

extension AccessFormat.Piece {
  /// - Parameter name: the text between the parentheses; nil if that is not an atom.
  init?(atom name: String) {
    if let atom = AccessAtom(rawValue: name) {
      self = .atom(atom)
      return
    }
    guard name.first == "{", let end = name.lastIndex(of: "}"), name.distance(from: end, to: name.endIndex) == 2 else {
      return nil
    }
    let variable = String(name[..<end].dropFirst())
    guard !variable.isEmpty, variable.utf8.count <= 64, variable.utf8.allSatisfy(AccessFormat.Piece.isNameByte) else {
      return nil
    }
    switch name.last {
    case "i": self = .requestField(variable.lowercased())
    case "o": self = .responseField(variable.lowercased())
    case "n":
      guard variable.utf8.count <= 32 else { return nil }
      self = .note(variable)
    case "e": self.init(variable: variable)
    default: return nil
    }
  }

  /// An atom of gunicorn's environment: a request field or property by its CGI name.
  private init?(variable: String) {
    switch variable {
    case "REQUEST_METHOD": self = .atom(.method)
    case "PATH_INFO": self = .atom(.path)
    case "QUERY_STRING": self = .atom(.query)
    case "SERVER_PROTOCOL": self = .atom(.version)
    case "REMOTE_ADDR": self = .atom(.remoteAddress)
    case "REMOTE_PORT": self = .atom(.remotePort)
    case "REMOTE_USER": self = .atom(.user)
    case "wsgi.url_scheme", "REQUEST_SCHEME": self = .atom(.scheme)
    case "CONTENT_TYPE", "CONTENT_LENGTH": self = .requestField(AccessFormat.Piece.fieldName(variable))
    default:
      guard variable.hasPrefix("HTTP_"), variable.utf8.count > 5 else { return nil }
      self = .requestField(AccessFormat.Piece.fieldName(variable.dropFirst(5)))
    }
  }

  private static func fieldName(_ variable: some StringProtocol) -> String {
    String(variable.lowercased().map { $0 == "_" ? "-" : $0 })
  }

  private static func isNameByte(_ byte: UInt8) -> Bool {
    byte &- 0x30 < 10 || (byte | 0x20) &- 0x61 < 26 || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
      || byte == UInt8(ascii: ".")
  }
}

/// A property of a request, by its name in a format, which is gunicorn's if gunicorn has it.
package enum AccessAtom: String, Sendable, CaseIterable {
  case remoteAddress = "h"
  /// Always empty, since identd is obsolete (RFC 1413).
  case remoteLogname = "l"
  case user = "u"
  case time = "t"
  case requestLine = "r"
  case method = "m"
  case path = "U"
  case query = "q"
  case version = "H"
  case status = "s"
  case bodyBytes = "B"
  case bodyBytesOrDash = "b"
  case referer = "f"
  case userAgent = "a"
  case seconds = "T"
  case milliseconds = "M"
  case microseconds = "D"
  case decimalSeconds = "L"
  case pid = "p"
  case remotePort = "remote_port"
  case scheme
  case host
  case requestID = "request_id"
  case plugin
  case hints
  case outcome
  case timestamp
  /// The IDs of the request's traceparent (W3C Trace Context).
  case traceID = "trace_id"
  case parentID = "parent_id"
  /// All notes of plugins.
  case notes
}
