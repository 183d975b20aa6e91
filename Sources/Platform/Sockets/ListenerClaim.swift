import Glibc

/// What a master says of a listener that it serves: its name, and what the supervisor is to make of the socket.
package struct ListenerClaim: Sendable {
  package let name: String
  package let options: ListeningSocket.Options

  package init(name: String, options: ListeningSocket.Options) {
    self.name = name
    self.options = options
  }

  /// As it goes over the channel: `backlog mode owner group name`, -1 for no owner and group.
  package var text: String {
    let owner = options.owner.map(Int64.init) ?? -1
    let group = options.group.map(Int64.init) ?? -1
    return "\(options.backlog) \(options.mode) \(owner) \(group) \(name)"
  }

  /// Nil for text of another form.
  package init?(text: String) {
    let words = text.split(separator: " ", maxSplits: 4, omittingEmptySubsequences: false)
    guard words.count == 5, let backlog = CInt(words[0]), let mode = mode_t(words[1]), let owner = Int64(words[2]),
      let group = Int64(words[3])
    else { return nil }
    name = String(words[4])
    options = ListeningSocket.Options(
      backlog: backlog, mode: mode, owner: uid_t(exactly: owner), group: gid_t(exactly: group))
  }
}
