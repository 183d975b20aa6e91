import Glibc

/// The entries of a folder.
package enum FolderEntries {
  package struct Entry: Sendable {
    package let name: String
    /// False for a symbolic link to a folder, and in file systems that do not report the type.
    package let isFolder: Bool
  }

  /// The entries without "." and "..", sorted by name. The result is empty if the folder can't be read.
  ///
  /// - Parameter limit: the maximum number of entries; further ones are omitted.
  package static func of(_ path: String, limit: Int = 65_536) -> [Entry] {
    guard let folder = unsafe opendir(path) else { return [] }
    defer { unsafe closedir(folder) }
    var entries: [Entry] = []
    while entries.count < limit, let entry = unsafe readdir(folder) {
      let name = unsafe withUnsafeBytes(of: entry.pointee.d_name) { bytes in
        unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
      }
      if name == "." || name == ".." { continue }
      entries.append(Entry(name: name, isFolder: unsafe entry.pointee.d_type == UInt8(DT_DIR)))
    }
    return entries.sorted { $0.name < $1.name }
  }
}
