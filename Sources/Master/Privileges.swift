import Configuration
import Glibc
import Logging
import Platform

/// Who this process becomes before any plugin's code runs. There is no way back.
package struct Privileges: Sendable {
  private let user: Account.User?
  private let group: gid_t?
  private let umask: mode_t

  /// Looks up the accounts of the configuration.
  package init(_ configuration: Configuration) throws(StartFault) {
    let server = configuration.settings.server
    func fault(_ key: String, _ message: String) -> StartFault {
      let origin = configuration.origin(of: key)
      return StartFault("\(ConfigurationFault(origin: origin, message: "\(key): \(message)"))", .configuration)
    }
    if server.user.isEmpty {
      user = nil
    } else {
      guard let found = Account.user(server.user) else { throw fault("server.user", "there is no user \(server.user)") }
      user = found
    }
    if server.group.isEmpty {
      group = user?.group
    } else {
      guard let found = Account.group(server.group) else {
        throw fault("server.group", "there is no group \(server.group)")
      }
      group = found
    }
    umask = server.umask.bits
  }

  /// Who that is, as the supervisor needs to know it; nil if it is nobody else.
  package var serviceUser: ServiceUser? {
    guard Account.isRoot, let user, let group else { return nil }
    return ServiceUser(user, group: group)
  }

  /// Becomes the configured user and group, for good: without capabilities, whoever has started the process, and without a
  /// way to get any by exec. Root stays root without a user, and has no capability then either.
  ///
  /// - Parameter log: hears of a server that stays root; nil for a check.
  package func drop(_ log: Logger?) throws(StartFault) {
    do throws(Errno) {
      // Who is not root any more may not say this.
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
      throw StartFault("\(error)", .noPermission)
    }
    Glibc.umask(umask)
  }

  /// Whoever is not root can only stay who he is.
  private func checkIdentity() throws(Errno) {
    if let user, user.id != geteuid() {
      throw Errno(code: EPERM, attempt: "become server.user \(user.name) without being root")
    }
    if let group, group != getegid() {
      throw Errno(code: EPERM, attempt: "become server.group \(group) without being root")
    }
  }
}
