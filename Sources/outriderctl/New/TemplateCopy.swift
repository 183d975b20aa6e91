import Glibc
import Platform

/// The copy of a template, with the name of a plugin in place of the placeholder. It removes what it has made if it fails.
struct TemplateCopy: ~Copyable {
  private let name: PluginName
  /// The files and folders so far, in the order in which they were made.
  private var made: [String] = []

  /// The maximum size of a file, and how deep folders may be nested.
  private static let maxSize = 16 << 20
  private static let maxDepth = 16

  private init(name: PluginName) { self.name = name }

  /// Copies the contents of the folder `source` to the folder `target`, which must not exist or be empty.
  static func make(of source: String, to target: String, name: PluginName) throws(CommandError) {
    guard FolderEntries.of(target, limit: 1).isEmpty else {
      throw CommandError(
        reason: "new: the folder \(target) exists and is not empty; choose another name, or another place", code: .usage
      )
    }
    var copy = TemplateCopy(name: name)
    do throws(Errno) {
      try copy.folder(source, target, depth: 0)
    } catch {
      for path in copy.made.reversed() { unsafe remove(path) }
      throw CommandError(reason: "new: \(error)", code: .osError)
    }
  }

  private mutating func folder(_ source: String, _ target: String, depth: Int) throws(Errno) {
    guard depth < TemplateCopy.maxDepth else { throw Errno(code: ELOOP, attempt: "copy \(source)") }
    _ = try FileDescriptor.open(source, flags: O_RDONLY | O_DIRECTORY)
    if unsafe mkdir(target, 0o777) == 0 {
      made.append(target)
    } else {
      let isThere = errno == EEXIST && depth == 0
      guard isThere else { throw .last("make the folder \(target)") }
      // A file of this name is no folder.
      _ = try FileDescriptor.open(target, flags: O_RDONLY | O_DIRECTORY)
    }
    for entry in FolderEntries.of(source) where !isBuilt(entry.name) {
      let path = "\(source)/\(entry.name)"
      let copied = "\(target)/\(Placeholder.replaced(in: entry.name, by: name))"
      let file = try FileDescriptor.open(path, flags: O_RDONLY | O_NONBLOCK)
      let status = try FileStatus(of: file.raw, "read \(path)")
      switch status.kind {
      case S_IFDIR: try folder(path, copied, depth: depth + 1)
      case S_IFREG: try self.file(path, copied, isExecutable: status.mode & S_IXUSR != 0)
      default: throw Errno(code: EINVAL, attempt: "copy \(path), which is \(status.kindName)")
      }
    }
  }

  private mutating func file(_ source: String, _ target: String, isExecutable: Bool) throws(Errno) {
    let text = Placeholder.replaced(in: try FileContents.read(path: source, limit: TemplateCopy.maxSize), by: name)
    let file = try FileDescriptor.open(
      target, flags: O_WRONLY | O_CREAT | O_EXCL, mode: isExecutable ? 0o777 : 0o666)
    made.append(target)
    try file.write(text, attempt: "write \(target)")
  }

  /// What builds leave in a folder, and versions that a tool has chosen: templates in the repository may have been built.
  private func isBuilt(_ name: String) -> Bool {
    switch name {
    case "build", "target", ".build", "zig-out", "zig-cache", ".zig-cache", "Package.resolved", "Cargo.lock", "go.sum":
      true
    default: false
    }
  }
}
