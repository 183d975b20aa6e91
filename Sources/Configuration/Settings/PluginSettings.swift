/// A `[[plugin]]` table.
package struct PluginSettings: Sendable, Equatable {
  package var name = ""
  /// The resolved path, absolute if the working directory is known.
  package var path = ""
  /// `/`, or a decoded path that does not end with a slash.
  package var mount = ""
  package var load = LoadingProcess.master
  package var maxFails = 3
  /// These three default to the server's own values.
  package var minRate = 240
  package var bodyTimeout: Nanoseconds = 30_000_000_000
  package var requestTimeout: Nanoseconds = 0
  package var earlyHintsAudience = OwnHintAudience.auto
  package var config = PluginConfig()
  /// The application in Python, such as `shop.wsgi`; empty for other plugins. `python` determines its `config`.
  package var application = ""
  package var python = PythonSettings()
  /// The start of relative paths in the file, without a trailing slash: absolute if the working directory is known.
  package var folder = ""
}

/// The process that loads a plugin.
package enum LoadingProcess: String, Sendable, CaseIterable {
  /// The master loads it before workers are forked, which share what it builds.
  case master
  /// Each worker loads it after the fork: for plugins that start threads when they are loaded.
  case worker
}

/// Names and mounts of plugins.
extension PluginSettings {
  static let maxName = 64
  static let maxMount = 1024

  /// Names appear in logs, metrics and messages. They consist of letters, digits, `-`, `_` and `.`.
  static func checkName(_ name: String) throws(ValueSyntaxError) {
    guard !name.isEmpty, name.utf8.count <= maxName, name.utf8.allSatisfy(isOfName) else {
      throw ValueSyntaxError(
        reason: "expected 1 to \(maxName) letters, digits, \"-\", \"_\" or \".\", found \(QuotedText.shown(name))")
    }
  }

  /// The default name of an application in Python: that of its module.
  static func name(ofApplication application: String) -> String {
    name(application.utf8.prefix { $0 != UInt8(ascii: ":") })
  }

  /// The default name of a plugin: that of its file without directory, `lib` and `.so`.
  static func name(ofFile path: String) -> String {
    let file = path.utf8.split(separator: slash).last ?? Substring().utf8
    var stem = file
    if stem.reversed().starts(with: "os.".utf8) { stem = stem.dropLast(3) }
    if stem.starts(with: "lib".utf8) { stem = stem.dropFirst(3) }
    return name(stem.isEmpty ? file : stem)
  }

  private static func name(_ stem: Substring.UTF8View) -> String {
    let bytes = stem.prefix(maxName).map { isOfName($0) ? $0 : UInt8(ascii: "_") }
    return bytes.isEmpty ? "plugin" : String(decoding: bytes, as: UTF8.self)
  }

  /// A mount is compared with a request's path segment by segment, after decoding and normalization. So it is written
  /// decoded, and a mount that no path can match is rejected.
  static func checkMount(_ mount: String) throws(ValueSyntaxError) {
    let shown = QuotedText.shown(mount)
    if mount == "/" { return }
    guard mount.utf8.first == slash else { throw ValueSyntaxError(reason: "a mount begins with /, found \(shown)") }
    guard mount.utf8.count <= maxMount else {
      throw ValueSyntaxError(reason: "a mount has at most \(maxMount) bytes")
    }
    if mount.utf8.last == slash { throw ValueSyntaxError(reason: "a mount does not end with /, found \(shown)") }
    for segment in mount.utf8.dropFirst().split(separator: slash, omittingEmptySubsequences: false) {
      if segment.isEmpty { throw ValueSyntaxError(reason: "a mount has no //, found \(shown)") }
      if segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8) {
        throw ValueSyntaxError(reason: "a mount has no dot segments, found \(shown)")
      }
    }
    for byte in mount.utf8 {
      if byte < 0x20 || byte == 0x7F {
        throw ValueSyntaxError(reason: "a mount has no control characters, found \(shown)")
      }
      if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") {
        throw ValueSyntaxError(reason: "a mount is a decoded path, without \"%\", \"?\" and \"#\", found \(shown)")
      }
    }
  }

  static func checkPath(_ path: String) throws(ValueSyntaxError) {
    if path.isEmpty { throw ValueSyntaxError(reason: "an empty path") }
    if path.utf8.contains(0) { throw ValueSyntaxError(reason: "a NUL in the path") }
  }

  /// `path`, relative to `directory` unless absolute. The result contains a slash, because dlopen searches other
  /// directories for a name without one.
  package static func resolve(_ path: String, in directory: String) -> String {
    if path.utf8.first == slash { return path }
    var rest = path.utf8[...]
    while rest.starts(with: "./".utf8) { rest = rest.dropFirst(2).drop { $0 == slash } }
    let path = Substring(rest)
    if directory.isEmpty { return "./\(path)" }
    return directory.utf8.last == slash ? "\(directory)\(path)" : "\(directory)/\(path)"
  }

  /// A folder's path without trailing slashes.
  static func withoutTrailingSlashes(_ folder: String) -> String {
    var bytes = folder.utf8[...]
    while bytes.count > 1, bytes.last == slash { bytes = bytes.dropLast() }
    return String(Substring(bytes))
  }

  private static let slash = UInt8(ascii: "/")

  private static func isOfName(_ byte: UInt8) -> Bool {
    switch byte {
    case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
      UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
      true
    default: false
    }
  }
}
