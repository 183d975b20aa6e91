import ArgumentParser
import Configuration
import Platform

/// The flags for an application in Python instead of a plugin.
struct PythonFlags: ParsableArguments {
  @Option(
    name: .customLong("python"),
    help: ArgumentHelp(
      "The application in Python to serve on /, WSGI or ASGI, in place of PLUGIN.so.", valueName: "module:app"))
  var application: String?

  @Option(
    help: ArgumentHelp("With --python, its virtual environment; otherwise that of VIRTUAL_ENV.", valueName: "dir"),
    completion: .directory)
  var venv: String?

  @Option(
    help: ArgumentHelp("With --python, the working directory of the workers.", valueName: "dir"),
    completion: .directory)
  var chdir: String?

  @Option(
    help: "With --python, what the application speaks: auto, wsgi or asgi.",
    completion: .list(PythonSettings.Interface.allCases.map(\.rawValue)))
  var interface: String?

  /// The settings of the application by these flags.
  var settings: [ConfigurationSources.Override] {
    [("venv", venv), ("chdir", chdir), ("interface", interface)].compactMap { key, value in
      value.map { ConfigurationSources.Override(key: "plugin.config.\(key)", text: $0, origin: "--\(key)") }
    }
  }

  func validate() throws {
    if application == nil, let flag = settings.first?.origin { throw ValidationError("\(flag) needs --python") }
  }
}

extension PythonPlugins {
  /// The plugins of this program: beside it after a build, or where `make install` puts plugins.
  static var ofProgram: PythonPlugins {
    PythonPlugins(
      folders: [ProgramFile.folder ?? ".", "\(ProgramFile.prefix ?? "")/lib/outrider/plugins"],
      activeVenv: Process.environment("VIRTUAL_ENV") ?? "")
  }
}
