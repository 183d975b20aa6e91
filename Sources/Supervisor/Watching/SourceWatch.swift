import Glibc
import IPC
import Platform

/// Watches files, and sources below folders, for changes.
///
/// Only complete files count: those that were closed after writing, or moved into the folder. The number of watched
/// folders is bounded.
package final class SourceWatch {
  private struct WatchedFolder {
    let path: String
    /// The files in it that are watched by their names.
    var files: Set<String> = []
    /// The targets of those files that are symbolic links.
    var targets: [String: String] = [:]
    /// Whether its sources and those of folders below it are watched.
    var isTree = false
  }

  private(set) var paths: [WatchedPath] = []
  private let tree: SourceTree
  private var events: FolderWatch
  private var folders: [CInt: WatchedFolder] = [:]
  private var changes = SettlingChanges()
  /// The number of each path's folder, or of the folder that is the path. Missing folders have none.
  private var numbers: [WatchedPath: CInt] = [:]
  /// When to check whether the paths still lead to the watched folders. The removal of a folder that a process still uses
  /// is reported late.
  private var checkAt = UInt64.max
  /// The end of these checks.
  private var checkUntil: UInt64 = 0
  /// Warnings for the log.
  private var warnings: [String] = []
  private var hasReportedLimit = false

  private static let checkInterval = 250 * Clock.nanosecondsPerMillisecond
  /// The maximum time from the removal of a folder's entries to the removal of the folder.
  private static let removalTime = 2 * Clock.nanosecondsPerSecond

  /// - Parameter tree: what counts as a source below watched folders.
  package init(_ tree: SourceTree) throws(Errno) {
    self.tree = tree
    events = try FolderWatch()
  }

  /// Readable while there are events.
  package var raw: CInt { events.raw }

  /// When to call `takeChange`; `.max` for never.
  package var nextDeadline: UInt64 { min(changes.deadline, checkAt) }

  /// Takes over the pending changes of the former watch.
  func takeChanges(of former: SourceWatch) { changes = former.changes }

  package func takeWarnings() -> [String] {
    defer { warnings = [] }
    return warnings
  }

  // MARK: Watched paths

  package func add(_ path: WatchedPath, at now: UInt64) {
    guard !paths.contains(path) else { return }
    paths.append(path)
    begin(path, at: now)
  }

  private func begin(_ path: WatchedPath, at now: UInt64) {
    do throws(Errno) {
      if path.isTree {
        _ = try addTree(path.path)
        numbers[path] = try events.add(path.path)
      } else {
        let (folder, name) = SourceWatch.split(path.path)
        let number = try addFolder(folder)
        folders[number]?.files.insert(name)
        folders[number]?.targets[name] = SourceWatch.target(of: path.path)
        numbers[path] = number
      }
    } catch {
      if error.code != ENOENT, error.code != ENOTDIR { warnings.append("\(error): changes there bring no reload") }
      checkAt = min(checkAt, now &+ SourceWatch.checkInterval)
    }
  }

  private func addFolder(_ path: String) throws(Errno) -> CInt {
    let number = try events.add(path)
    if folders[number] == nil { folders[number] = WatchedFolder(path: path) }
    return number
  }

  /// Watches a folder and those below it, the nearest first.
  ///
  /// - Returns: whether the tree has sources.
  private func addTree(_ root: String) throws(Errno) -> Bool {
    var hasSources = false
    var next = [root]
    var index = 0
    while index < next.count {
      let path = next[index]
      index += 1
      guard folders.count < SourceTree.maxFolders else {
        reportLimit(root)
        break
      }
      let number: CInt
      do throws(Errno) {
        number = try addFolder(path)
      } catch {
        // A folder below the root may be removed meanwhile.
        if path == root { throw error }
        continue
      }
      folders[number]?.isTree = true
      // Listed after it is watched, so that no entry is missed.
      let contents = tree.contents(of: path)
      if contents.isVenv, !isRoot(path) {
        remove(number)
        continue
      }
      hasSources = hasSources || contents.hasSources
      next += contents.folders.map { "\(path)/\($0)" }
    }
    return hasSources
  }

  private func reportLimit(_ root: String) {
    guard !hasReportedLimit else { return }
    hasReportedLimit = true
    warnings.append(
      "more than \(SourceTree.maxFolders) folders below \(root): changes in the others bring no reload; begin at a folder "
        + "with less below it")
  }

  private func isRoot(_ path: String) -> Bool { paths.contains { $0.isTree && $0.path == path } }

  private func remove(_ number: CInt) {
    folders[number] = nil
    events.remove(number)
  }

  // MARK: Changes

  private static let maxReadsPerTurn = 16

  package func readEvents(at now: UInt64) {
    for _ in 0..<SourceWatch.maxReadsPerTurn {
      let some = events.next()
      if some.isEmpty { return }
      for event in some { handle(event, at: now) }
    }
  }

  private func handle(_ event: FolderWatch.Event, at now: UInt64) {
    if event.change == .overflow { return eventsWereLost(at: now) }
    guard let folder = folders[event.folder] else { return }
    if event.change == .folderGone {
      remove(event.folder)
      checkAt = now
      return
    }
    if event.change.isRemoval {
      checkAt = min(checkAt, now &+ SourceWatch.checkInterval)
      checkUntil = now &+ SourceWatch.removalTime
    }
    let path = folder.path == "/" ? "/\(event.name)" : "\(folder.path)/\(event.name)"
    if folder.isTree {
      if event.isFolder {
        subfolderChanged(path, event, at: now)
      } else if event.name == "pyvenv.cfg", !isRoot(folder.path) {
        removeAll(below: folder.path)
      } else if tree.isSource(event.name) {
        if event.change == .movedOut {
          changes.rename(path, at: now)
        } else if event.change == .deleted || isComplete(event, path) {
          changes.add(path, at: now)
        }
      }
    }
    if folder.files.isEmpty || event.isFolder || event.change.isRemoval { return }
    if folder.files.contains(event.name) {
      guard isComplete(event, path) else { return }
      folders[event.folder]?.targets[event.name] = SourceWatch.target(of: path)
      return changes.add(path, at: now)
    }
    linksMayHaveMoved(event.folder, folder, at: now)
  }

  /// Whether the file is complete. A created file is still to be written, unless it is a link.
  private func isComplete(_ event: FolderWatch.Event, _ path: String) -> Bool {
    switch event.change {
    case .written, .movedIn: return true
    case .created:
      var status = stat()
      guard unsafe lstat(path, &status) == 0 else { return false }
      return status.st_mode & S_IFMT == S_IFLNK || status.st_nlink > 1
    default: return false
    }
  }

  private func subfolderChanged(_ path: String, _ event: FolderWatch.Event, at now: UInt64) {
    guard tree.mayHaveSources(event.name) else { return }
    switch event.change {
    case .created, .movedIn:
      if (try? addTree(path)) == true { changes.add(path, at: now) }
    case .movedOut, .deleted:
      if removeAll(below: path) { changes.add(path, at: now) }
    default: break
    }
  }

  /// - Returns: whether any was watched.
  @discardableResult
  private func removeAll(below path: String) -> Bool {
    let gone = folders.filter { $0.value.path == path || $0.value.path.hasPrefix("\(path)/") }
    for (number, folder) in gone where folder.files.isEmpty { remove(number) }
    return !gone.isEmpty
  }

  /// Checks symbolic links: a link may lead through another one that was replaced, as in a volume of Kubernetes.
  private func linksMayHaveMoved(_ number: CInt, _ folder: WatchedFolder, at now: UInt64) {
    for (name, former) in folder.targets {
      guard let target = SourceWatch.target(of: "\(folder.path)/\(name)"), target != former else { continue }
      folders[number]?.targets[name] = target
      changes.add("\(folder.path)/\(name)", at: now)
    }
  }

  /// Any watched path may have changed.
  private func eventsWereLost(at now: UInt64) {
    beginAgain(at: now)
    if let first = paths.first { changes.add(first.path, at: now) }
  }

  private func beginAgain(at now: UInt64) {
    for number in Array(folders.keys) { remove(number) }
    numbers = [:]
    for path in paths { begin(path, at: now) }
  }

  /// A description of the changes for people, if they are complete.
  package func takeChange(at now: UInt64) -> String? {
    if checkAt <= now { checkFolders(at: now) }
    return changes.takeComplete(at: now)
  }

  /// Watches folders that were created again.
  private func checkFolders(at now: UInt64) {
    checkAt = .max
    var madeAnew: [WatchedPath] = []
    var isIncomplete = false
    for path in paths {
      let number = try? events.add(path.isTree ? path.path : SourceWatch.split(path.path).folder)
      let isThere = unsafe number != nil && access(path.path, F_OK) == 0
      if isThere, number != numbers[path] { madeAnew.append(path) }
      isIncomplete = isIncomplete || !isThere
    }
    if !madeAnew.isEmpty { beginAgain(at: now) }
    for path in madeAnew { changes.add(path.path, at: now) }
    if isIncomplete || now < checkUntil { checkAt = min(checkAt, now &+ SourceWatch.checkInterval) }
  }

  // MARK: Names

  private static func split(_ path: String) -> (folder: String, name: String) {
    guard let slash = path.utf8.lastIndex(of: UInt8(ascii: "/")) else { return (".", path) }
    let folder = String(path[..<slash])
    return (folder.isEmpty ? "/" : folder, String(path[path.utf8.index(after: slash)...]))
  }

  /// The identity of the file that a symbolic link leads to; nil for other files, and for a link without a target.
  private static func target(of path: String) -> String? {
    var status = stat()
    guard unsafe lstat(path, &status) == 0, status.st_mode & S_IFMT == S_IFLNK, unsafe stat(path, &status) == 0 else {
      return nil
    }
    return "\(status.st_dev):\(status.st_ino)"
  }
}

extension FolderWatch.Change {
  /// Whether an entry was removed.
  fileprivate var isRemoval: Bool { self == .movedOut || self == .deleted }
}
