import CLinux
import Glibc

/// The folder of a file that root makes or opens, held by a descriptor. Later operations happen in this folder, even if
/// its path leads elsewhere by then, and never follow a symbolic link in the file's place.
///
/// Every folder and link on the path is checked, starting at /. In folders that only root can change, root acts. From
/// the first folder that the service's user can write to, the rights of this user apply, so that exchanging names gains
/// nothing. A folder that another user can write to is refused. A sticky folder such as /tmp is accepted for files of
/// the same user, and so is any folder if the service has no user but root. A process without root acts with its own
/// rights in any folder.
package struct Folder: ~Copyable {
  private let descriptor: FileDescriptor
  /// The file's name in it.
  package let name: String
  /// The path of the file, as requested.
  package let path: String
  /// The user whose rights are used here; nil for the process's own.
  package let actor: ServiceUser?
  /// Other users can create files here: an opened file must have the same owner.
  package let isShared: Bool
  private let isRead: Bool

  /// The maximum number of symbolic links on the path.
  private static let maxLinks = 40
  /// The maximum number of names on the path, including those in links: each costs several system calls.
  private static let maxNames = 1024

  /// Finds the folder of `path`, which is absolute.
  ///
  /// - Parameter isRead: whether the file is only read. Then a symbolic link in its place is followed like those on the
  ///   path, and in a folder that another user can change, root has the rights of the service's user; otherwise such a
  ///   folder is refused.
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

  /// The walk along the path to a folder.
  private struct Walk: ~Copyable {
    let path: String
    let user: ServiceUser?
    let isRead: Bool
    /// The rest of the path, in reverse order.
    private var components: [String]
    var actor: ServiceUser?
    private var folder: FileDescriptor?
    /// The folders on the path so far, without links and "..".
    private var folders: [String] = []
    private var links = 0
    private var names = 0

    /// The path so far, for messages.
    private var location: String { folders.reduce("") { "\($0)/\($1)" } }

    init(path: String, user: ServiceUser?, isRead: Bool) throws(Errno) {
      self.path = path
      self.user = user
      self.isRead = isRead
      components = Walk.components(of: path)
      folder = try FileDescriptor.open("/", flags: OUTRIDER_O_PATH | O_DIRECTORY)
    }

    /// In reverse order. Split as bytes: a slash followed by a combining mark is one Character, but a slash for the
    /// kernel.
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
        guard names <= Folder.maxNames else { throw Errno(code: ELOOP, attempt: "open \(path)") }
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

    /// Follows a link if its owner is trusted.
    private mutating func follow(
      _ link: borrowing FileDescriptor, _ component: String, _ status: FileStatus
    ) throws(Errno) {
      let isTrusted = geteuid() != 0 || status.owner == 0 || status.owner == actor?.id
      guard isTrusted else {
        throw refusal("is a symbolic link of \(Folder.name(status.owner))", component)
      }
      links += 1
      guard links <= Folder.maxLinks else { throw Errno(code: ELOOP, attempt: "open \(path)") }
      var buffer = [UInt8](repeating: 0, count: Int(PATH_MAX))
      let raw = link.raw
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        unsafe readlinkat(raw, "", bytes.baseAddress!.assumingMemoryBound(to: CChar.self), bytes.count)
      }
      guard count > 0, count < buffer.count else { throw .last("readlink \(location)/\(component)") }
      let target = String(decoding: buffer[..<count], as: UTF8.self)
      components += Walk.components(of: target)
      if target.utf8.first == UInt8(ascii: "/") {
        folder = try FileDescriptor.open("/", flags: OUTRIDER_O_PATH | O_DIRECTORY)
        folders = []
      }
    }

    /// Checks who can change the current folder, and decides whose rights apply from here on.
    ///
    /// - Returns: whether it is a shared folder such as /tmp.
    mutating func examine(isLast: Bool) throws(Errno) -> Bool {
      let status = try FileStatus(of: raw, "open \(path)")
      let isSticky = status.mode & S_ISVTX != 0
      let isShared = isSticky && status.mode & (S_IWGRP | S_IWOTH) != 0
      guard geteuid() == 0 else { return isShared && status.owner != geteuid() }
      // An owner outside this user namespace is out of reach for all users in it.
      if ServiceUser.isUnmapped(status.owner) { return isShared }
      if let user, status.owner == user.id { return actsAsUser() }
      guard status.owner == 0 else {
        if isRead { return actsAsUser() }
        throw refusal("belongs to \(Folder.name(status.owner)), who can exchange what is in it")
      }
      if actor != nil { return false }
      if isShared { return true }
      // Without these bits no other user can write, not even by an access control list.
      guard status.mode & (S_IWGRP | S_IWOTH) != 0 else { return false }
      if let user, try mayWrite(user) { return actsAsUser() }
      // No process of the service has fewer rights than root then. A volume shared by the containers of a pod looks
      // like this.
      if user == nil { return true }
      if status.mode & S_IWOTH != 0 { throw refusal("can be written by everybody") }
      // A group that can write to a folder on the path can exchange folders of root in it, and no more.
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

    /// Asks the kernel, which also considers access control lists.
    private func mayWrite(_ user: ServiceUser) throws(Errno) -> Bool {
      let raw = raw
      return try ServiceUser.acting(as: user) { () throws(Errno) in
        let answer = outrider_may_write(raw)
        guard answer >= 0 else { throw .last("ask who may write \(location)") }
        return answer == 1
      }
    }

    /// - Parameter name: the name of a file in the current folder, if the reason is about that.
    private func refusal(_ reason: String, _ name: String? = nil) -> Errno {
      let location = name.map { "\(self.location)/\($0)" } ?? (folders.isEmpty ? "/" : self.location)
      let advice = user == nil ? "root" : "root or server.user"
      return Errno(
        code: EACCES, attempt: "open \(path): \(location) \(reason); only \(advice) may be able to change that folder")
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

  /// Opens or makes the file of `path`, without following a symbolic link in its place. In a shared folder it must have
  /// the same owner.
  ///
  /// - Parameter isAllowed: whether a file with that status may be opened.
  package func open(
    flags: CInt, mode: mode_t = 0, name: String? = nil, isAllowed: (FileStatus) -> Bool = { $0.kind == S_IFREG }
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
    guard isAllowed(status) else { throw Errno(code: EINVAL, attempt: "\(attempt): it is \(status.kindName)") }
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

  /// The status of the file; nil if there is none.
  package func status(name: String? = nil) -> FileStatus? {
    guard let found = try? look(name ?? self.name) else { return nil }
    return try? FileStatus(of: found.raw, path)
  }

  /// An O_PATH descriptor of the file, or of a link in its place.
  package func look(_ name: String? = nil) throws(Errno) -> FileDescriptor {
    let (raw, name) = (descriptor.raw, name ?? self.name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      let found = unsafe outrider_openat(raw, name, OUTRIDER_O_PATH | O_NOFOLLOW | O_CLOEXEC, 0)
      guard found >= 0 else { throw .last("open \(path)") }
      return FileDescriptor(owning: found)
    }
  }

  /// Removes a file; false if that fails.
  @discardableResult
  package func remove(_ name: String? = nil) -> Bool {
    let (raw, name) = (descriptor.raw, name ?? self.name)
    let removed = try? ServiceUser.acting(as: actor) { () throws(Errno) in unsafe unlinkat(raw, name, 0) == 0 }
    return removed ?? false
  }

  /// Renames the file `other` to the name of the path, and replaces a file with this name. Returns true.
  package func rename(_ other: String) throws(Errno) -> Bool {
    let (raw, name) = (descriptor.raw, name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      guard unsafe renameat(raw, other, raw, name) == 0 else { throw .last("make \(path)") }
      return true
    }
  }

  /// Links the file `other` under the name of the path; false if that name exists.
  package func link(_ other: String) throws(Errno) -> Bool {
    let (raw, name) = (descriptor.raw, name)
    return try ServiceUser.acting(as: actor) { () throws(Errno) in
      if unsafe linkat(raw, other, raw, name, 0) == 0 { return true }
      guard errno == EEXIST else { throw .last("make \(path)") }
      return false
    }
  }
}
