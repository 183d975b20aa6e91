/// The kinds of messages between the supervisor and a master.
package enum MasterMessage: UInt8 {
  /// Either way: a listening socket, under the name of its bind setting. The supervisor keeps them for the next master.
  case listener = 1
  /// Supervisor to master: all stored listeners have been sent; begin.
  case begin = 2
  /// Master to supervisor: its workers are ready. The text is `graceful_timeout` in nanoseconds.
  case ready = 3
  /// Supervisor to master: finish and leave.
  case drain = 4
  /// Supervisor to master: leave now.
  case stop = 5
}
