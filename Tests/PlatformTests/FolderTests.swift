import Glibc
import Platform
import Testing

@Suite struct FolderTests {
  /// A folder of the test's own; gone at its end.
  private func inFolder(_ body: (String) throws -> Void) throws {
    var template = Array("/tmp/outrider-folder-XXXXXX".utf8CString)
    let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) }
    try #require(unsafe made != nil)
    let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    defer {
      for name in (0..<40).map({ "l\($0)" }) { _ = unsafe unlink("\(path)/\(name)") }
      _ = unsafe rmdir("\(path)/x")
      _ = unsafe rmdir(path)
    }
    let below = unsafe mkdir("\(path)/x", 0o755)
    try #require(below == 0)
    try body(path)
  }

  @Test func aWayHasABound() throws {
    try inFolder { path in
      // Each link leads to the next, by way of hundreds of names.
      for number in 0..<30 {
        let next = number < 29 ? "l\(number + 1)" : "x"
        let detour = String(repeating: "x/../", count: 100)
        let made = unsafe symlink(detour + next, "\(path)/l\(number)")
        try #require(made == 0)
      }
      #expect(fault("\(path)/l0/file") == ELOOP)
      // What is on the way of the last of them alone is no more than a way may have.
      #expect(fault("\(path)/l29/file") == nil)
    }
  }

  @Test func aFoldersNameIsWhereTheWayHasLed() throws {
    try inFolder { path in
      #expect(fault("\(path)/x/../x/file") == nil)
      #expect(fault("\(path)/x/../none/file") == ENOENT)
      #expect(fault("/../..\(path)/file") == nil)
    }
  }

  private func fault(_ path: String) -> CInt? {
    do throws(Errno) {
      _ = try Folder(of: path, user: nil)
      return nil
    } catch {
      return error.code
    }
  }
}
