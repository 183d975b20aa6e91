import Platform

/// Decides which files below a folder are sources, and which folders are skipped.
package enum SourceTree: Sendable {
  /// An application in Python.
  case python
  /// A project in any language: everything but what tools write.
  case project

  /// The maximum number of watched folders in all trees.
  static let maxFolders = 1024
  /// The maximum number of entries that are read in one folder.
  private static let maxEntries = 4096

  func isSource(_ name: String) -> Bool {
    guard !SourceTree.isHidden(name) else { return false }
    switch self {
    case .python: return name.hasSuffix(".py")
    case .project: return !SourceTree.isWrittenByTool(name)
    }
  }

  /// What compilers and linkers write, and what editors write before they replace the file.
  private static func isWrittenByTool(_ name: String) -> Bool {
    name == "4913" || name.utf8.first == UInt8(ascii: "#")
      || ["~", ".a", ".d", ".o", ".pyc", ".so", ".swp", ".tmp"].contains { name.hasSuffix($0) }
  }

  /// False for folders that tools create, and for folders with installed packages.
  func mayHaveSources(_ folder: String) -> Bool {
    if SourceTree.isHidden(folder) { return false }
    if ["__pycache__", "node_modules", "site-packages", "venv"].contains(folder) { return false }
    return self == .python || !["build", "target", "zig-cache", "zig-out"].contains(folder)
  }

  /// The relevant contents of a folder.
  struct Contents {
    var folders: [String] = []
    var hasSources = false
    /// Whether the folder is a virtual environment.
    var isVenv = false
  }

  func contents(of folder: String) -> Contents {
    var contents = Contents()
    let entries = FolderEntries.of(folder, limit: SourceTree.maxEntries)
    contents.isVenv = entries.contains { $0.name == "pyvenv.cfg" }
    for entry in entries {
      if entry.isFolder {
        // If a project is its own virtual environment, these folders have the packages.
        if contents.isVenv, ["bin", "include", "lib", "lib64", "share"].contains(entry.name) { continue }
        if mayHaveSources(entry.name) { contents.folders.append(entry.name) }
      } else if isSource(entry.name) {
        contents.hasSources = true
      }
    }
    return contents
  }

  private static func isHidden(_ name: String) -> Bool { name.utf8.first == UInt8(ascii: ".") }
}
