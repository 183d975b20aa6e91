// The files and folders that `server.watch` watches.

extension Configuration {
  /// The files whose change causes a reload: the configuration and the plugins. The paths are absolute if the working
  /// directory was given.
  package var watchedFiles: [String] {
    let own = file.map { [PluginSettings.resolve($0, in: workingDirectory)] } ?? []
    return own + settings.plugins.map(\.path)
  }

  /// The folders in which applications in Python search for modules, without those of Python and of the environment.
  package var watchedFolders: [String] {
    settings.plugins.filter { !$0.application.isEmpty }.flatMap { plugin in
      let directory = plugin.python.chdir.isEmpty ? workingDirectory : plugin.python.chdir
      return [directory] + plugin.python.path.map { PluginSettings.resolve($0, in: directory) }
    }
  }
}
