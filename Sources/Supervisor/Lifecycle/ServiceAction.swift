import Glibc
import IPC
import Logging

/// An action that the supervisor takes after an event, in the order of the list.
enum ServiceAction: Equatable {
  /// A command to a generation's master.
  enum Command: Equatable {
    case drain, stop

    var message: MasterMessage { self == .drain ? .drain : .stop }
    var shutdown: ShutdownPipe.Command { self == .drain ? .drain : .stop }
  }

  /// Start a master for the generation of this number.
  case launch(Int, Generation.Cause)
  /// The generation serves from here on: apply its settings to listeners, files and logs.
  case activate(Int)
  /// Close and remove what a generation has bound and written that failed to start.
  case discard(Int)
  /// - Parameter isSuperseded: another generation serves.
  case send(Command, to: Int, isSuperseded: Bool)
  /// Change the number of workers.
  case scale(Int, by: Int)
  /// Send a command to the workers of a generation without a master.
  case signalOrphans(Int, Command)
  case kill(pid_t)
  case resume(pid_t)
  /// Close all listening sockets, so that there are no new clients.
  case closeListeners
  /// Run the program on disk with `--version`.
  case probe
  /// Execute the program on disk in place of this one.
  case replace
  case reportReplacementFailure(String)
  case notify(ServiceNotification)
  case log(Logger.Level, String)
}
