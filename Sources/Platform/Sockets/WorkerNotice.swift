import Glibc

/// What a master says of one of its workers.
package struct WorkerNotice: Sendable, Equatable {
  package enum State: String, Sendable, CaseIterable {
    case starting
    case ready
    /// It finishes what it holds.
    case leaving
    case gone
  }

  /// Its place in the scoreboard.
  package let slot: Int
  package let pid: pid_t
  /// Its number, which its replacement takes over.
  package let place: Int
  package let state: State

  package init(slot: Int, pid: pid_t, place: Int, state: State) {
    self.slot = slot
    self.pid = pid
    self.place = place
    self.state = state
  }

  /// As it goes over the channel: `slot pid place state`.
  package var text: String { "\(slot) \(pid) \(place) \(state.rawValue)" }

  /// The longest text of this form is shorter.
  private static let longestText = 64

  /// Nil for text of another form.
  package init?(text: String) {
    // By bytes, and not many: what can't be one of these is not compared with them.
    guard text.utf8.count <= WorkerNotice.longestText else { return nil }
    let words = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false).map {
      String(decoding: $0, as: UTF8.self)
    }
    guard words.count == 4, let slot = UInt16(words[0]), let pid = pid_t(words[1]), pid > 0,
      let place = UInt16(words[2]), let state = State(rawValue: words[3])
    else { return nil }
    self.init(slot: Int(slot), pid: pid, place: Int(place), state: state)
  }
}
