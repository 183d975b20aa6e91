import ArgumentParser
import Configuration
import Glibc
import Master
import Platform

/// The sources of settings in the order of precedence: the command line, OUTRIDER_CMD_ARGS, the file.
enum SettingSources {
  static let defaultFile = "/etc/outrider/outrider.toml"
  private static let variable = "OUTRIDER_CMD_ARGS"

  /// - Parameter ownSocket: the control socket if there is no file and no flag sets it.
  static func gather(
    _ flags: SettingFlags, plugin: String?, _ python: PythonFlags, ownSocket: String? = nil
  ) throws(StartError) -> ConfigurationSources {
    let environment = try environmentFlags()
    var file: ConfigurationSources.File?
    if let named = namedFile(flags, environment, namesPlugin: plugin != nil || python.application != nil) {
      do throws(Errno) {
        let bytes = try FileContents.read(path: named.path, limit: ConfigurationSources.largestFile + 1)
        file = ConfigurationSources.File(name: named.path, bytes: bytes)
      } catch {
        throw StartError("\(named.origin)\(error)", error.code == EACCES ? .noPermission : .noInput)
      }
    }
    let overrides: [ConfigurationSources.Override]
    do throws(AssignmentError) {
      overrides = try (environment?.overrides(origin: variable + " ") ?? []) + flags.overrides(origin: "")
    } catch {
      // The flags of the command line have been checked before.
      throw StartError("\(variable): --set \(error.text): expected key=value", .usage)
    }
    let binds =
      flags.bind.isEmpty
      ? (environment?.bind ?? []).map { ConfigurationSources.Bind(address: $0, origin: variable + " --bind") }
      : flags.bind.map { ConfigurationSources.Bind(address: $0, origin: "--bind") }
    let pluginSettings =
      (environment?.pluginSettings(origin: variable + " ") ?? []) + flags.pluginSettings(origin: "")
      + python.settings
    return ConfigurationSources(
      file: file, plugin: plugin, python: python.application, pythonPlugins: .ofProgram, pluginSettings: pluginSettings,
      overrides: overrides, binds: binds, workingDirectory: workingDirectory(), ownSocket: ownSocket)
  }

  /// The file that is read, if any, and the prefix of error messages about it.
  static func namedFile(
    _ flags: SettingFlags, _ environment: SettingFlags?, namesPlugin: Bool
  ) -> (path: String, origin: String)? {
    if let path = flags.file { return (path, "") }
    if let path = environment?.file { return (path, "\(variable) --config: ") }
    return namesPlugin ? nil : (defaultFile, "")
  }

  /// The flags in the environment, split at white space; quotes group words. Nil if there are none, because parsing an
  /// empty list would add a millisecond to each start.
  static func environmentFlags() throws(StartError) -> SettingFlags? {
    let words = split(Process.environment(variable) ?? "")
    guard !words.isEmpty else { return nil }
    do {
      return try SettingFlags.parse(words)
    } catch {
      throw StartError("\(variable): \(SettingFlags.message(for: error))", .usage)
    }
  }

  private static func split(_ text: String) -> [String] {
    var words: [String] = []
    var word: String?
    var quote: Character?
    for character in text {
      if let open = quote {
        if character == open { quote = nil } else { word = (word ?? "") + String(character) }
      } else if character == "\"" || character == "'" {
        quote = character
        word = word ?? ""
      } else if character == " " || character == "\t" || character == "\n" {
        if let done = word { words.append(done) }
        word = nil
      } else {
        word = (word ?? "") + String(character)
      }
    }
    if let word { words.append(word) }
    return words
  }

  static func workingDirectory() -> String {
    guard let directory = unsafe getcwd(nil, 0) else { return "" }
    defer { unsafe free(directory) }
    return unsafe String(cString: directory)
  }
}
