import CLinux
import Glibc

/// The user that masters and workers switch to. In folders that this user can write to, root acts with this user's
/// rights.
package struct ServiceUser: Sendable, Equatable {
  package let id: uid_t
  package let group: gid_t
  /// Supplementary groups, at most `maxGroups`.
  package let groups: [gid_t]

  /// As many as fit into a message between processes.
  package static let maxGroups = 256

  /// - Returns: nil for root.
  package init?(id: uid_t, group: gid_t, groups: [gid_t]) {
    guard id != 0, id != .max, group != .max else { return nil }
    self.id = id
    self.group = group
    self.groups = Array(groups.prefix(ServiceUser.maxGroups))
  }

  /// A user of the system with the groups that `Account.become` gives it.
  package init?(_ user: Account.User, group: gid_t) {
    guard user.hasEntry else {
      self.init(id: user.id, group: group, groups: [])
      return
    }
    var groups = [gid_t](repeating: 0, count: ServiceUser.maxGroups)
    var count = CInt(groups.count)
    if unsafe getgrouplist(user.name, group, &groups, &count) < 0 { count = CInt(groups.count) }
    self.init(id: user.id, group: group, groups: Array(groups.prefix(Int(max(0, count)))))
  }

  // MARK: Between processes

  /// `uid gid groups…`, decimal.
  package var text: String { ([id, group] + groups).map(String.init).joined(separator: " ") }

  /// Nil for malformed text.
  package init?(text: String) {
    let words = text.split(separator: " ")
    let numbers = words.compactMap { UInt32($0) }
    guard numbers.count == words.count, numbers.count >= 2 else { return nil }
    self.init(id: numbers[0], group: numbers[1], groups: Array(numbers.dropFirst(2)))
  }

  /// The uid of files whose owner is not mapped in the user namespace of this process (user_namespaces(7)).
  private static let overflow: uid_t = 65534

  /// Whether the owner is outside the user namespace.
  static func isUnmapped(_ owner: uid_t) -> Bool {
    guard owner == overflow, let map = try? FileContents.prefix(path: "/proc/self/uid_map", count: 4096) else {
      return false
    }
    return !String(decoding: map, as: UTF8.self).split(separator: "\n").contains { line in
      let numbers = line.split(separator: " ").compactMap { UInt64($0) }
      return numbers.count == 3 && UInt64(owner) >= numbers[0] && UInt64(owner) - numbers[0] < numbers[2]
    }
  }

  // MARK: Acting

  /// Runs `body` with the file access rights of the user, so that a changed path gains nothing from root's. Without
  /// root it runs unchanged.
  ///
  /// There must be no other thread. This clears the signal at the parent's death (prctl(2), PR_SET_PDEATHSIG).
  package static func acting<Result: ~Copyable>(
    as user: ServiceUser?, _ body: () throws(Errno) -> Result
  ) throws(Errno) -> Result {
    guard let user, geteuid() == 0 else { return try body() }
    let group = getegid()
    let former = try ownGroups()
    guard unsafe outrider_set_groups(user.groups, user.groups.count) == 0 else {
      throw .last("act as user \(user.id)")
    }
    guard outrider_set_file_user(user.id, user.group) == 0 else {
      let failure = Errno.last("act as user \(user.id)")
      restore(former, group)
      throw failure
    }
    defer { restore(former, group) }
    return try body()
  }

  private static func ownGroups() throws(Errno) -> [gid_t] {
    let count = getgroups(0, nil)
    guard count >= 0 else { throw .last("getgroups") }
    var groups = [gid_t](repeating: 0, count: Int(count))
    let found = unsafe getgroups(count, &groups)
    guard found >= 0 else { throw .last("getgroups") }
    return Array(groups.prefix(Int(found)))
  }

  /// A process that can't restore its identity must not continue.
  private static func restore(_ groups: [gid_t], _ group: gid_t) {
    guard outrider_set_file_user(0, group) == 0, unsafe outrider_set_groups(groups, groups.count) == 0 else {
      ErrorLog.writeRaw("\(Errno.last("become root again"))")
      Process.exit(.osError)
    }
  }
}
