import IPC
import Platform
import TLS
import Workers

// The keys of TLS session tickets: taken over from the former generation or generated, and rotated.

extension MasterProcess {
  /// When a new key is due.
  var ticketKeysRotateAt: UInt64 { ticketKeys?.rotatesAt ?? .max }

  mutating func rotateTicketKeys(_ now: UInt64) {
    guard var keys = ticketKeys, now >= keys.rotatesAt else { return }
    keys.rotate(now: now)
    ticketKeys = keys
    // Workers that are forked from now on inherit them.
    keys.install()
    channels.broadcast(.ticketKeys, KeyedFields("keys", keys.text))
    supervisor.sendTicketKeys(keys)
  }
}
