import CLinux
import Glibc

/// The folder of a file that root makes or opens, held by a descriptor: what is done there is done in this folder, whatever
/// its name leads to by then, and never through a symbolic link in the file's place.
///
/// On the way from / to it every folder and every link is looked at. Where root alone can change what is there, root acts.
/// From a folder on that the service's user can write to, everything is done with this user's rights: who exchanges names
/// there wins nothing. A folder that anybody else can write to is refused; one as /tmp, where nobody can touch what is
/// another's, is good for what is one's own, and so is any where the service has no user but root. Whoever is not root acts
/// as himself, in any folder.
package struct Folder: ~Copyable {
  private let descriptor: FileDescriptor
  /// The file's name in it.
  package let name: String
  /// The file, as it was asked for.
  package let path: String
  /// Whose rights are used here; nil for the process's own.
  package let actor: ServiceUser?
  /// Others can make files here: what is opened has to be one's own.
  package let isShared: Bool
  private let isRead: Bool

  /// So many symbolic links may be on the way.
  private static let mostLinks = 40
  /// So many names may be on the way, those in links included: each takes some system calls.
  private static let mostNames = 1024

  /// Finds the folder of `path`, which is absolute.
  ///
  /// - Parameter isRead: the file is only read. A symbolic link in its place is followed as those on the way are, and in a
  ///   folder of somebody else root has no more rights than the service's user, in place of none.
  package init(of path: String, user: ServiceUser?, isRead: Bool = false) throws(Errno) {
    guard path.utf8.first == UInt8(ascii: "/") else { throw Errno(code: EINVAL, attempt: "open \(path)") }
    var walk = try Walk(path: path, user: geteuid() == 0 ? user : nil, isRead: isRead)
    let name = try walk.goToFile()
    isShared = try walk.examine(isLast: true)
    actor = walk.actor
    descriptor = walk.takeFolder()
    self.name = name
    self.isRead = isRead
    self.path = path
  }

  /// The way to a folder.
  private struct Walk: ~Copyable {
    let path: String
    let user: ServiceUser?
    let isRead: Bool
    /// What is left of the way, the last first.
    private var components: [String]
    var actor: ServiceUser?
    private var folder: FileDescriptor?
    /// The names of the folders that the way has come to, each in the one before: no link and no ".." is among them.
    private var folders: [String] = []
    private var links = 0
    private var names = 0

    /// Where the way has come to, for people.
    private var place: String { folders.reduce("") { "\($0)/\($1)" } }

    init(path: String, user: ServiceUser?, isRead: Bool) throws(Errno) {
      self.path = path
      self.user = user
      self.isRead = isRead
      components = Walk.components(of: path)
      folder = try FileDescriptor.open("/", flags: OUTRIDER_O_PATH | O_DIRECTORY)
    }

    /// The last one first. Of bytes: a slash with a combining mark behind it is one Character, and a slash for the kernel.
    private static func components(of path: String) -> [String] {
      path.utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
        .filter { $0 != "." }.reversed()
    }

    mutating func takeFolder() -> FileDescriptor { folder.take()! }

    private var raw: CInt {
      switch folder {
      case .some(let folder): folder.raw
      case .none: -1
      }
    }

    /// Goes to the file's folder.
    ///
    /// - Returns: the file's name there.
    mutating func goToFile() throws(Errno) -> String {
      let directory = Errno(code: EISDIR, attempt: "open \(path)")
      guard path.utf8.last != UInt8(ascii: "/") else { throw directory }
      while let component = components.popLast() {
        let isLast = components.isEmpty
        guard !isLast || component != ".." else { throw directory }
        if isLast && !isRead { return component }
        names += 1
        guard names <= Folder.mostNames else { throw Errno(code: ELOOP, attempt: "open \(path)") }
        _ = try examine(isLast: isLast)
        let next = try open(component, OUTRIDER_O_PATH | O_NOFOLLOW)
        let status = try FileStatus(of: next.raw, "open \(path)")
        switch status.kind {
        case S_IFLNK: try follow(next, component, status)
        case _ where isLast: return component
        case S_IFDIR:
          folder = consume next
          if component == ".." { _ = folders.popLast() } else { folders.append(component) }
        default: throw Errno(code: ENOTDIR, attempt: "open \(path)")
        }
      }
      throw directory
    }

    private func open(_ name: String, _ flags: CInt) throws(Errno) -> FileDescriptor {
      let raw = raw
      return try ServiceUser.acting(as: actor) { () throws(Errno) in
        let found = unsafe outrider_openat(raw, name, flags | O_CLOEXEC, 0)
        guard found >= 0 else { throw .last("open \(path)") }
        return FileDescriptor(owning: found)
      }
    }

    /// A link counts as much as whoever could have made it.
    private mutating func follow(
      _ link: borrowing FileDescriptor, _ component: String, _ status: FileStatus
    ) throws(Errno) {
      let isTrusted = geteuid() != 0 || status.owner == 0 || status.owner == actor?.id
      guard isTrusted else {
        throw refusal("is a symbolic link of \(Folder.name(status.owner))", component)
      }
      links += 1
      guard links <= Folder.mostLinks else { throw Errno(code: ELOOP, attempt: "open \(path)") }
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let raw = link.raw
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe readlinkat(raw, "", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
      }
      guard count > 0, count < buffer.count else { throw .last("readlink \(place)/\(component)") }
      let target = String(decoding: buffer[..<count], as: UTF8.self)
      components += Walk.components(of: target)
      if target.utf8.first == UInt8(ascii: "/") {
        folder = try FileDescriptor.open("/", flags: OUTRIDER_O_PATH | O_DIRECTORY)
        folders = []
      }
    }

    /// Finds out who can change what is in the folder that the way has come to, and whose rights are used from here on.
    ///
    /// - Returns: whether it is one as /tmp.
    mutating func examine(isLast: Bool) throws(Errno) -> Bool {
      let status = try FileStatus(of: raw, "open \(path)")
      let isSticky = status.mode & S_ISVTX != 0
      let isShared = isSticky && status.mode & (S_IWGRP | S_IWOTH) != 0
      guard geteuid() == 0 else { return isShared && status.owner != geteuid() }
      // Whom this user namespace does not know can't be reached by anybody in it.
      if ServiceUser.isUnmapped(status.owner) { return isShared }
      if let user, status.owner == user.id { return actsAsUser() }
      guard status.owner == 0 else {
        if isRead { return actsAsUser() }
        throw refusal("belongs to \(Folder.name(status.owner)), who can exchange what is in it")
      }
      if actor != nil { return false }
      if isShared { return true }
      // Without these bits nobody can, by an access control list neither.
      guard status.mode & (S_IWGRP | S_IWOTH) != 0 else { return false }
      if let user, try mayWrite(user) { return actsAsUser() }
      // Nothing of ours runs as less than root then; a volume that the containers of a pod share looks so.
      if user == nil { return true }
      if status.mode & S_IWOTH != 0 { throw refusal("can be written by everybody") }
      // On the way a group can exchange a folder for another that it could move already, and that is root's; no more.
      if isLast, status.mode & S_IWGRP != 0, status.group != 0 {
        if isRead { return actsAsUser() }
        throw refusal("can be written by \(Folder.name(group: status.group))")
      }
      return false
    }

    private mutating func actsAsUser() -> Bool {
      actor = user
      return false
    }

    /// The kernel knows, of access control lists too.
    private func mayWrite(_ user: ServiceUser) throws(Errno) -> Bool {
      let raw = raw
      return try ServiceUser.acting(as: user) { () throws(Errno) in
        let answer = outrider_may_write(raw)
        guard answer >= 0 else { throw .last("ask who may write \(place)") }
        return answer == 1
      }
    }

    /// - Parameter name: of what is in the folder that the way has come to, if it is not the folder itself.
    private func refusal(_ reason: String, _ name: String? = nil) -> Errno {
      let place = name.map { "\(self.place)/\($0)" } ?? (folders.isEmpty ? "/" : self.place)
      let advice = user == nil ? "root" : "root or server.user"
      return Errno(
        code: EACCES, attempt: "open \(path): \(place) \(reason); only \(advice) may be able to change that folder")
    }
  }

  private static func name(_ id: uid_t) -> String {
    guard let entry = unsafe getpwuid(id) else { return "user \(id)" }
    return unsafe "user \(String(cString: entry.pointee.pw_name))"
  }

  private static func name(group id: gid_t) -> String {
    guard let entry = unsafe getgrgid(id) else { return "group \(id)" }
    return unsafe "group \(String(cString: entry.pointee.gr_name))"
  }

  // MARK: Its files

  /// Opens the file of `path`, or makes it: a symbolic link in its place is none. In a folder as /tmp it has to be one's own.
  ///
  /// - Parameter isWelcome: what it may be; it has been opened without waiting by then.
  package func open(
    flags: CInt, mode: mode_t = 0, name: String? = nil, isWelcome: (FileStatus) -> Bool = { $0.kind == S_IFREG }
  ) throws(Errno) -> FileDescriptor {
    let why = isRead ? "since others than root can change its folder" : "who can write its folder"
    let attempt = "open \(path)\(actor.map { " as \(Folder.name($0.id)), \(why)" } ?? "")"
    let (raw, name) = (descriptor.raw, name ?? self.name)
    let file = try ServiceUser.acting(as: actor) { () throws(Errno) in
      let found = retryingInterrupts {
        unsafe outrider_openat(raw, name, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC, mode)
      }
      guard found >= 0 else { throw .last(attempt) }
      return FileDescriptor(owning: found)
    }
    let status = try FileStatus(of: file.raw, attempt)
    guard isWelcome(status) else { throw Errno(code: EINVAL, attempt: "\(attempt): it is \(status.kindName)") }
    if isShared {
      let isOwn = status.owner == 0 || status.owner == geteuid()
      guard isOwn, status.kind != S_IFREG || status.links == 1 else {
        throw Errno(
          code: EACCES,
          attempt: "\(attempt): in this folder it has to be one's own, and is of \(Folder.name(status.owner))")
      }
    }
    return file
  }

  /// What is in the file's place; nil if nothing is.
  package func status(name: String? = nil) -> FileStatus? {
    guard let found = try? look(name ?? self.name) else { return nil }
    return try? FileStatus(of: found.raw, path)
  }

  /// A descriptor of what is in the file's place, be it a link, that nothing can be read or written by.
  package func look(_ name: String? = nil) throws(Errno) -> FileDescriptor {
    let (raw, name) = (descriptor.raw, name ?? self.name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      let found = unsafe outrider_openat(raw, name, OUTRIDER_O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
      guard found >= 0 else { throw .last("open \(path)") }
      return FileDescriptor(owning: found)
    }
  }

  /// Removes a name; false if that can't be.
  @discardableResult
  package func remove(_ name: String? = nil) -> Bool {
    let (raw, name) = (descriptor.raw, name ?? self.name)
    let removed = try? ServiceUser.acting(as: actor) { () throws(Errno) in unsafe unlinkat(raw, name, 0) == 0 }
    return removed ?? false
  }

  /// Gives the file `other` the name of the path, in place of what has it. Returns true.
  package func rename(_ other: String) throws(Errno) -> Bool {
    let (raw, name) = (descriptor.raw, name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      guard unsafe renameat(raw, other, raw, name) == 0 else { throw .last("make \(path)") }
      return true
    }
  }

  /// Gives the file `other` the name of the path as well; false if something has it.
  package func link(_ other: String) throws(Errno) -> Bool {
    let (raw, name) = (descriptor.raw, name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      if unsafe linkat(raw, other, raw, name, 0) == 0 { return true }
      guard errno == EEXIST else { throw .last("make \(path)") }
      return false
    }
  }
}
