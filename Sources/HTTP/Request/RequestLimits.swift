/// The bounds of what a client may send, named as in the `[limits]` table.
package struct RequestLimits: Sendable {
  /// The longest request line, in bytes without its CR LF.
  package var requestLine = 8 << 10
  /// The longest field line, likewise.
  package var fieldSize = 8 << 10
  /// The largest number of field lines, of a head and of a trailer section.
  package var fields = 100
  /// The largest head, in bytes with all line ends; a trailer section likewise.
  package var head = 32 << 10
  /// The largest body, decoded.
  package var body: Int64 = 1 << 30
  /// The most bytes of chunk extensions in one message.
  package var chunkExtension = 1 << 10

  package init() {}
}

/// What becomes of a field whose name has an underscore: such names collide with others once a plugin maps them to
/// CGI variables.
package enum UnderscoreFields: Sendable {
  case drop, refuse, pass
}
