import CLinux
import Glibc

/// The capabilities of a process, beyond its user's rights; see capabilities(7).
package enum Capabilities {
  /// A set of capabilities, one bit for each.
  package typealias Set = UInt64

  package static let bindService: Set = 1 << 10
  package static let readSearch: Set = 1 << 2

  /// Removes all capabilities from later execs, as far as this process may (CAP_SETPCAP). `renounce` gives up those
  /// that it has. Called while it has the right: before root switches to another user.
  package static func renounceBounding() {
    var number: UInt = 0
    // The kernel rejects numbers of unknown capabilities.
    while number < 64, outrider_prctl(PR_CAPBSET_READ, number) >= 0 {
      if outrider_prctl(PR_CAPBSET_READ, number) == 1 { outrider_prctl(PR_CAPBSET_DROP, number) }
      number += 1
    }
  }

  /// Gives up all capabilities (effective, permitted, inheritable, ambient) except those of `kept` that the process
  /// has.
  package static func renounce(keeping kept: Set = 0) throws(Errno) {
    var sets = outrider_capabilities()
    guard unsafe outrider_get_capabilities(&sets) == 0 else { throw .last("capget") }
    let ambient = ambientSet
    for number in UInt(0)..<64 where ambient & ~kept & 1 << UInt64(number) != 0 {
      guard outrider_ambient(PR_CAP_AMBIENT_LOWER, number) == 0 else { throw .last("give up ambient capabilities") }
    }
    // If there is nothing to give up, the call may be forbidden.
    guard (sets.effective | sets.permitted | sets.inheritable) & ~kept != 0 else { return }
    sets.effective &= kept
    sets.permitted &= kept
    sets.inheritable &= kept
    guard unsafe outrider_set_capabilities(&sets) == 0 else { throw .last("give up capabilities") }
    // Verifies the change.
    guard unsafe outrider_get_capabilities(&sets) == 0,
      (sets.effective | sets.permitted | sets.inheritable) & ~kept == 0
    else { throw Errno(code: EPERM, attempt: "give up capabilities") }
  }

  private static var ambientSet: Set {
    (UInt(0)..<64).reduce(0) { set, number in
      outrider_ambient(PR_CAP_AMBIENT_IS_SET, number) == 1 ? set | 1 << UInt64(number) : set
    }
  }
}
