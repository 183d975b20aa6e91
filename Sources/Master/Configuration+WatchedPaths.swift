import Configuration
import IPC

extension Configuration {
  /// The paths that the supervisor watches for this generation, without duplicates.
  var watched: [WatchedPath] {
    guard settings.server.watch else { return [] }
    var paths: [WatchedPath] = []
    for path in watchedFiles.map({ WatchedPath.file($0) }) + watchedFolders.map({ WatchedPath.sources(below: $0) }) {
      if let path, path.fits, !paths.contains(path) { paths.append(path) }
    }
    return Array(paths.prefix(MasterLimits.watched))
  }
}
