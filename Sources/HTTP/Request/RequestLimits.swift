/// The limits of requests, with the names of the `[limits]` table.
package struct RequestLimits: Sendable {
  /// The maximum length of the request line, in bytes without its CR LF.
  package var requestLine = 8 << 10
  /// The maximum length of a field line, in bytes without its CR LF.
  package var fieldSize = 8 << 10
  /// The maximum number of field lines, in a head and in a trailer section.
  package var fields = 100
  /// The maximum size of a head or a trailer section, in bytes with all line ends.
  package var head = 32 << 10
  /// The maximum size of the decoded body.
  package var body: Int64 = 1 << 30
  /// The maximum number of bytes of chunk extensions in a message.
  package var chunkExtension = 1 << 10

  package init() {}
}

/// How to treat a field whose name contains an underscore: such names collide with others when a plugin maps them to
/// CGI variables.
package enum UnderscoreFields: Sendable {
  case drop, refuse, pass
}
