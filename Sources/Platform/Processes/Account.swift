import Glibc

/// Users and groups of the system, by name or number.
package enum Account {
  package struct User: Sendable, Equatable {
    /// The name; for a user without an entry in the user database, as in containers, the number as text.
    package let name: String
    package let id: uid_t
    /// The user's login group; nil without an entry.
    package let group: gid_t?

    var hasEntry: Bool { group != nil }
  }

  /// A user by name or number; nil if no user has that name.
  package static func user(_ text: String) -> User? {
    let number = number(text)
    if let entry = unsafe getpwnam(text) ?? number.flatMap({ unsafe getpwuid($0) }) {
      return unsafe User(
        name: String(cString: entry.pointee.pw_name), id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
    }
    return number.map { User(name: "\($0)", id: $0, group: nil) }
  }

  /// The ID of a group by name or number; nil if no group has that name.
  package static func group(_ text: String) -> gid_t? {
    if let entry = unsafe getgrnam(text) { return unsafe entry.pointee.gr_gid }
    return number(text)
  }

  /// Whether the group database has an entry for this number.
  package static func hasGroup(_ id: gid_t) -> Bool { unsafe getgrgid(id) != nil }

  /// A user or group by number. The largest number means none (setresuid(2)).
  private static func number(_ text: String) -> UInt32? {
    guard text.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) else { return nil }
    return UInt32(text).flatMap { $0 == .max ? nil : $0 }
  }

  /// The ID of a user by name or number; nil if no user has that name.
  package static func userID(_ text: String) -> uid_t? { user(text)?.id }

  /// Whether this process may give its own files to a group although it is not root.
  package static func isMember(of group: gid_t) -> Bool {
    guard group != getegid() else { return true }
    let count = getgroups(0, nil)
    guard count > 0 else { return false }
    var groups = [gid_t](repeating: 0, count: Int(count))
    let found = unsafe getgroups(count, &groups)
    return groups.prefix(Int(max(0, found))).contains(group)
  }

  package static var isRoot: Bool { geteuid() == 0 }

  /// Switches from root to `user` and `group`, with the user's supplementary groups, or with none.
  package static func become(user: User?, group: gid_t?) throws(Errno) {
    if let group {
      if let user, user.hasEntry {
        guard unsafe initgroups(user.name, group) == 0 else { throw .last("initgroups for \(user.name)") }
      } else {
        guard setgroups(0, nil) == 0 else { throw .last("setgroups") }
      }
      guard setgid(group) == 0 else { throw .last("become group \(group)") }
    }
    guard let user else { return }
    guard setuid(user.id) == 0 else { throw .last("become user \(user.name)") }
    // Verifies the change.
    guard user.id == 0 || setuid(0) != 0 else { throw Errno(code: EPERM, attempt: "leave root behind") }
  }
}
