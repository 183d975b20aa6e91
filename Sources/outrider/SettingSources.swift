import ArgumentParser
import Configuration
import Glibc
import Master
import Platform

/// Where settings come from, by weight: the command line, OUTRIDER_CMD_ARGS, the file.
enum SettingSources {
  static let defaultFile = "/etc/outrider/outrider.toml"
  private static let variable = "OUTRIDER_CMD_ARGS"

  static func gather(_ flags: SettingFlags, plugin: String?) throws(StartFault) -> ConfigurationSources {
    let environment = try environmentFlags()
    let name = flags.config ?? environment?.config ?? (plugin == nil ? defaultFile : nil)
    var file: ConfigurationSources.File?
    if let name {
      do throws(Errno) {
        let bytes = try FileContents.read(path: name, limit: ConfigurationSources.largestFile + 1)
        file = ConfigurationSources.File(name: name, bytes: bytes)
      } catch {
        throw StartFault("\(error)", error.code == EACCES ? .noPermission : .noInput)
      }
    }
    let overrides: [ConfigurationSources.Override]
    do throws(MalformedAssignment) {
      overrides = try (environment?.overrides(origin: variable + " ") ?? []) + flags.overrides(origin: "")
    } catch {
      throw StartFault("--set \(error.text): expected key=value", .usage)
    }
    let binds =
      flags.bind.isEmpty
      ? (environment?.bind ?? []).map { ConfigurationSources.Bind(address: $0, origin: variable + " --bind") }
      : flags.bind.map { ConfigurationSources.Bind(address: $0, origin: "--bind") }
    return ConfigurationSources(
      file: file, plugin: plugin, overrides: overrides, binds: binds, workingDirectory: workingDirectory())
  }

  /// The flags in the environment, split at white space; quotes hold words together. Nil if there are none: to look
  /// through nothing takes a millisecond as well, of which each start has a few.
  static func environmentFlags() throws(StartFault) -> SettingFlags? {
    let words = split(Process.environment(variable) ?? "")
    guard !words.isEmpty else { return nil }
    do {
      return try SettingFlags.parse(words)
    } catch {
      throw StartFault("\(variable): \(SettingFlags.message(for: error))", .usage)
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

  private static func workingDirectory() -> String {
    guard let directory = unsafe getcwd(nil, 0) else { return "" }
    defer { unsafe free(directory) }
    return unsafe String(cString: directory)
  }
}
