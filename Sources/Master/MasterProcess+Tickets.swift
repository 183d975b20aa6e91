import Platform
import TLS
import Workers

// The keys of session tickets: taken over from the generation before, or made, and changed from time to time.

extension MasterProcess {
  /// When a new key is due.
  var ticketKeysRotateAt: UInt64 { ticketKeys?.rotatesAt ?? .max }

  mutating func rotateTicketKeys(_ now: UInt64) {
    guard var keys = ticketKeys, now >= keys.rotatesAt else { return }
    keys.rotate(now: now)
    ticketKeys = keys
    // For workers that are forked from now on.
    keys.install()
    crew.tellAll(.ticketKeys, text: Array(keys.text.utf8))
    line.keep(keys)
  }
}
