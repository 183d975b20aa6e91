/// A file, or the sources below a folder, whose change causes a reload.
package struct WatchedPath: Sendable, Hashable {
  /// An absolute path.
  package let path: String
  /// Whether the path is a folder, below which all Python files are watched.
  package let isTree: Bool

  /// Nil if the path is not absolute.
  package static func file(_ path: String) -> WatchedPath? { WatchedPath(path, isTree: false) }
  package static func sources(below folder: String) -> WatchedPath? { WatchedPath(folder, isTree: true) }

  private init?(_ path: String, isTree: Bool) {
    guard path.utf8.first == UInt8(ascii: "/"), !path.utf8.contains(0) else { return nil }
    self.path = path
    self.isTree = isTree
  }

  package var fields: KeyedFields {
    var fields = KeyedFields("path", path)
    fields.set("tree", isTree)
    return fields
  }

  /// Whether a message has room for it.
  package var fits: Bool { fields.bytes.count < Channel.capacity }

  package init?(_ fields: KeyedFields) {
    guard let path = fields["path"] else { return nil }
    self.init(path, isTree: fields.flag("tree"))
  }
}
