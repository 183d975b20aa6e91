import Glibc
import IPC
import Logging
import Platform

/// An action that the master takes after an event, in the order of the list. Workers are identified by their slots.
enum MasterAction: Equatable {
  /// A command to all workers.
  enum Command: Equatable { case drain, stop, orphaned }

  /// Fork a worker for this index, if there is a free slot.
  case spawn(Int)
  case startServing
  case broadcast(Command)
  /// Tell one worker to drain and to exit by the deadline.
  case drain(Int, deadline: UInt64)
  /// Send SIGABRT, so that the worker records its stacks.
  case abort(Int)
  case kill(pid_t)
  /// Bring the deadlines of all workers forward to this one.
  case limitLifetimes(to: UInt64)
  /// Postpone the deadlines of all workers.
  case extendLifetimes(by: UInt64)
  case closeListeners
  /// Tell the supervisor.
  case report(WorkerStatus)
  case reportFailure(String)
  case reportLeaving
  case pause(plugin: Int, until: UInt64)
  case countRestart(RestartCause)
  /// Log the end of a worker with its requests and stacks.
  case logExit(WorkerTable.Entry, slot: Int, Process.ExitStatus, sequel: String)
  /// Count the requests of a worker that has ended.
  case countLost(slot: Int, Process.ExitStatus, wasLeaving: Bool)
  /// Find out which worker is late, for `startTimedOut`.
  case examineStart
  /// Examine each worker, for `workersChecked`.
  case checkWorkers
  case rotateTicketKeys
  case log(Logger.Level, String)
}
