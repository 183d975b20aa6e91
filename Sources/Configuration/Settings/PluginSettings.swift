/// A `[[plugin]]`.
package struct PluginSettings: Sendable, Equatable {
  package var name = ""
  /// Resolved: absolute if the working directory was given.
  package var path = ""
  /// `/`, or a decoded path that does not end with a slash.
  package var mount = ""
  package var load = LoadingProcess.master
  package var maxFails = 3
  package var config = PluginConfig()
}

/// Where a plugin is loaded.
package enum LoadingProcess: String, Sendable, CaseIterable {
  /// Once, before workers are forked, which share what it builds.
  case master
  /// In each worker, after the fork: for what starts threads when it is loaded.
  case worker
}

/// What a plugin may be called, and where it may be mounted.
extension PluginSettings {
  static let longestName = 64
  static let longestMount = 1024

  /// Names appear in logs, metrics and messages: letters, digits, `-`, `_` and `.`.
  static func checkName(_ name: String) throws(Refusal) {
    guard !name.isEmpty, name.utf8.count <= longestName, name.utf8.allSatisfy(isOfName) else {
      throw Refusal(
        reason: "expected 1 to \(longestName) letters, digits, \"-\", \"_\" or \".\", found \(QuotedText.shown(name))")
    }
  }

  /// The name of a plugin that was given none: that of its file, without directory, `lib` and `.so`.
  static func name(ofFile path: String) -> String {
    let file = path.utf8.split(separator: slash).last ?? Substring().utf8
    var stem = file
    if stem.reversed().starts(with: "os.".utf8) { stem = stem.dropLast(3) }
    if stem.starts(with: "lib".utf8) { stem = stem.dropFirst(3) }
    if stem.isEmpty { stem = file }
    let bytes = stem.prefix(longestName).map { isOfName($0) ? $0 : UInt8(ascii: "_") }
    return bytes.isEmpty ? "plugin" : String(decoding: bytes, as: UTF8.self)
  }

  /// A mount is what a request's path is compared with, segment by segment, after decoding and normalization; so it is
  /// written decoded, and one that no path can match is refused.
  static func checkMount(_ mount: String) throws(Refusal) {
    let shown = QuotedText.shown(mount)
    if mount == "/" { return }
    guard mount.utf8.first == slash else { throw Refusal(reason: "a mount begins with /, found \(shown)") }
    guard mount.utf8.count <= longestMount else {
      throw Refusal(reason: "a mount has at most \(longestMount) bytes")
    }
    if mount.utf8.last == slash { throw Refusal(reason: "a mount does not end with /, found \(shown)") }
    for segment in mount.utf8.dropFirst().split(separator: slash, omittingEmptySubsequences: false) {
      if segment.isEmpty { throw Refusal(reason: "a mount has no //, found \(shown)") }
      if segment.elementsEqual(".".utf8) || segment.elementsEqual("..".utf8) {
        throw Refusal(reason: "a mount has no dot segments, found \(shown)")
      }
    }
    for byte in mount.utf8 {
      if byte < 0x20 || byte == 0x7F { throw Refusal(reason: "a mount has no control characters, found \(shown)") }
      if byte == UInt8(ascii: "%") || byte == UInt8(ascii: "?") || byte == UInt8(ascii: "#") {
        throw Refusal(reason: "a mount is a decoded path, without \"%\", \"?\" and \"#\", found \(shown)")
      }
    }
  }

  static func checkPath(_ path: String) throws(Refusal) {
    if path.isEmpty { throw Refusal(reason: "an empty path") }
    if path.utf8.contains(0) { throw Refusal(reason: "a NUL in the path") }
  }

  /// `path`, relative to `directory` unless absolute. Always with a slash: dlopen looks a bare name up elsewhere.
  static func resolve(_ path: String, in directory: String) -> String {
    if path.utf8.first == slash { return path }
    var rest = path.utf8[...]
    while rest.starts(with: "./".utf8) { rest = rest.dropFirst(2).drop { $0 == slash } }
    let path = Substring(rest)
    if directory.isEmpty { return "./\(path)" }
    return directory.utf8.last == slash ? "\(directory)\(path)" : "\(directory)/\(path)"
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
