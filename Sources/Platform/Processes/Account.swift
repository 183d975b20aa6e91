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
}
