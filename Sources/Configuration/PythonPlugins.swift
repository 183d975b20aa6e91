import Glibc
import Platform

/// The plugins for applications in Python: one for each minor version, with names such as `liboutrider-python3.11.so`.
package struct PythonPlugins: Sendable {
  /// The folders that are searched, in this order.
  let folders: [String]
  /// The value of `$VIRTUAL_ENV`, the default for applications; empty if unset.
  let activeVenv: String

  package init(folders: [String], activeVenv: String) {
    self.folders = folders
    self.activeVenv = activeVenv
  }

  private static let prefix = "liboutrider-python3."
  private static let suffix = ".so"

  /// The plugin for the version of Python of a virtual environment, or the one for the newest version without one.
  func path(venv: String) throws(ValueSyntaxError) -> String {
    let found = plugins()
    guard !venv.isEmpty else {
      guard let newest = found.max(by: { $0.minor < $1.minor }) else {
        throw ValueSyntaxError(
          reason: "there is no plugin for applications in Python: \(searched("3.*")); see outrider-python(7)")
      }
      return newest.path
    }
    let minor = try PythonVenv.minorVersion(of: venv)
    if let plugin = found.first(where: { $0.minor == minor }) { return plugin.path }
    let others = Set(found.map(\.minor)).sorted().map { "3.\($0)" }.joined(separator: ", ")
    let known = others.isEmpty ? "" : "; there is one for \(others)"
    throw ValueSyntaxError(
      reason: "there is no plugin for Python 3.\(minor), the version of \(QuotedText.shortened(venv, to: 256)): "
        + "\(searched("3.\(minor)"))\(known); see outrider-python(7)")
  }

  private func searched(_ version: String) -> String {
    let places = folders.map { QuotedText.shortened($0, to: 256) }.joined(separator: " and ")
    return "looked for liboutrider-python\(version).so in \(places)"
  }

  /// The plugins in all folders. Those of one version are in the order of the folders.
  private func plugins() -> [(minor: Int, path: String)] {
    folders.flatMap { folder in
      FolderEntries.of(folder).compactMap { entry in
        Self.minorVersion(ofFile: entry.name).map { (minor: $0, path: "\(folder)/\(entry.name)") }
      }
    }
  }

  private static func minorVersion(ofFile name: String) -> Int? {
    guard name.hasPrefix(prefix), name.hasSuffix(suffix) else { return nil }
    return Int(name.dropFirst(prefix.count).dropLast(suffix.count))
  }
}

/// A virtual environment of venv, virtualenv or uv, or a folder with an installation of Python.
enum PythonVenv {
  private static let largestFile = 65_536

  /// The minor version, such as 11 for Python 3.11.
  static func minorVersion(of venv: String) throws(ValueSyntaxError) -> Int {
    if let minor = versionInFile(of: venv) ?? versionOfLibrary(of: venv) { return minor }
    throw ValueSyntaxError(
      reason: "venv = \(QuotedText.shown(venv)) is no virtual environment: "
        + "it has neither a pyvenv.cfg with a version of Python 3 nor one folder lib/python3.*")
  }

  /// venv writes `version = 3.11.2`, virtualenv and uv `version_info = 3.11.2…`.
  private static func versionInFile(of venv: String) -> Int? {
    guard let bytes = try? FileContents.ofRegular(path: "\(venv)/pyvenv.cfg", limit: largestFile) else { return nil }
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
      let parts = String(decoding: line, as: UTF8.self).split(separator: "=", maxSplits: 1)
      guard parts.count == 2, ["version", "version_info"].contains(trimmed(parts[0])) else { continue }
      let numbers = trimmed(parts[1]).split(separator: ".")
      if numbers.count > 1, numbers[0] == "3", let minor = Int(numbers[1]) { return minor }
    }
    return nil
  }

  private static func versionOfLibrary(of venv: String) -> Int? {
    let versions = Set(
      FolderEntries.of("\(venv)/lib").compactMap { entry -> Int? in
        entry.name.hasPrefix("python3.") ? Int(entry.name.dropFirst("python3.".count)) : nil
      })
    return versions.count == 1 ? versions.first : nil
  }

  private static func trimmed(_ text: Substring) -> String {
    String(text.drop { $0.isWhitespace }.reversed().drop { $0.isWhitespace }.reversed())
  }
}
