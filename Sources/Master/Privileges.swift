import Configuration
import Glibc
import Logging
import Platform

/// The user and group that this process permanently switches to before any plugin code runs.
package struct Privileges: Sendable {
  private let user: Account.User?
  private let group: gid_t?
  private let umask: mode_t

  /// Looks up the configured accounts.
  package init(_ configuration: Configuration) throws(StartError) {
    let server = configuration.settings.server
    func makeError(_ key: String, _ message: String) -> StartError {
      let origin = configuration.origin(of: key)
      return StartError("\(ConfigurationDiagnostic(origin: origin, message: "\(key): \(message)"))", .configuration)
    }
    if server.user.isEmpty {
      user = nil
    } else {
      guard let found = Account.user(server.user) else {
        throw makeError("server.user", "there is no user \(server.user)")
      }
      user = found
    }
    if server.group.isEmpty {
      group = user?.group ?? (Account.isRoot ? user?.id : nil)
      // A group with the user's number need not be the user's group.
      if Account.isRoot, let user, user.group == nil, Account.hasGroup(user.id) {
        throw makeError(
          "server.user", "user \(user.name) has no entry in the user database: server.group has to say its group")
      }
    } else {
      guard let found = Account.group(server.group) else {
        throw makeError("server.group", "there is no group \(server.group)")
      }
      group = found
    }
    umask = server.umask.bits
  }

  /// The user as the supervisor needs it; nil if the process keeps its user.
  package var serviceUser: ServiceUser? {
    guard Account.isRoot, let user, let group else { return nil }
    return ServiceUser(user, group: group)
  }

  /// Switches permanently to the configured user and group, without capabilities and without a way to gain any by exec.
  /// Without `server.user` root stays root, but without capabilities.
  ///
  /// - Parameter log: gets a warning if the server stays root; nil in a check.
  package func drop(_ log: Logger?) throws(StartError) {
    do throws(Errno) {
      // Only root may do this.
      Capabilities.renounceBounding()
      if Account.isRoot {
        try Account.become(user: user, group: group)
        if user == nil {
          log?.warning(
            "started as root without server.user: plugins run as root, without its capabilities but with its files")
        }
      } else if log != nil {
        try checkIdentity()
      }
      try Process.renouncePrivileges()
      try Capabilities.renounce()
    } catch {
      throw StartError("\(error)", .noPermission)
    }
    Glibc.umask(umask)
  }

  /// Only root can change identity.
  private func checkIdentity() throws(Errno) {
    if let user, user.id != geteuid() {
      throw Errno(code: EPERM, attempt: "become server.user \(user.name) without being root")
    }
    if let group, group != getegid() {
      throw Errno(code: EPERM, attempt: "become server.group \(group) without being root")
    }
  }
}
