import Glibc

/// Users and groups of the system, by name or number.
package enum Account {
  package struct User: Sendable, Equatable {
    package let name: String
    package let id: uid_t
    /// The group that the user has at login.
    package let group: gid_t
  }

  /// A user by name or number; nil if there is none. A number without an entry has no login group: nil as well.
  package static func user(_ text: String) -> User? {
    guard let entry = unsafe getpwnam(text) ?? uid_t(text).flatMap({ unsafe getpwuid($0) }) else { return nil }
    return unsafe User(
      name: String(cString: entry.pointee.pw_name), id: entry.pointee.pw_uid, group: entry.pointee.pw_gid)
  }

  /// The id of a group by name or number; nil if there is none of that name.
  package static func group(_ text: String) -> gid_t? {
    if let entry = unsafe getgrnam(text) { return unsafe entry.pointee.gr_gid }
    return gid_t(text)
  }

  /// The id of a user by name or number; nil if there is none of that name.
  package static func userID(_ text: String) -> uid_t? { user(text)?.id ?? uid_t(text) }

  package static var isRoot: Bool { geteuid() == 0 }

  /// Turns a process of root into one of `user` and `group`, with the user's further groups, or with none.
  package static func become(user: User?, group: gid_t?) throws(Errno) {
    if let group {
      if let user {
        guard unsafe initgroups(user.name, group) == 0 else { throw .last("initgroups for \(user.name)") }
      } else {
        guard setgroups(0, nil) == 0 else { throw .last("setgroups") }
      }
      guard setgid(group) == 0 else { throw .last("become group \(group)") }
    }
    guard let user else { return }
    guard setuid(user.id) == 0 else { throw .last("become user \(user.name)") }
    // Belief is not enough here.
    guard user.id == 0 || setuid(0) != 0 else { throw Errno(code: EPERM, attempt: "leave root behind") }
  }
}
