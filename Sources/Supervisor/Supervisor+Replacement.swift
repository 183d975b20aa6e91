import Glibc
import HTTP
import IPC
import Logging
import Platform

// USR2: replaces the supervisor's program in place. Its pid, children, sockets and channels are kept. The successor
// gets its state as text in an anonymous file, whose descriptor is in the environment. The records are in
// `SavedState/`.
//
// A successful exec can't be undone. So the new program is first run with `--version` in a child, and has to understand
// the format of the state.

extension Supervisor {
  /// The descriptor of the state.
  static let stateVariable = "OUTRIDER_STATE"
  private static let maxStateSize = 1 << 24
  /// The time limit for the new program to write its version.
  private static let probeTime = 10 * Clock.nanosecondsPerSecond

  /// Checks the program on disk; `probeEnded` continues.
  mutating func startProbe() {
    replacementFailure = nil
    do throws(Errno) {
      probe = try launcher.probe(deadline: Clock.monotonic() &+ Supervisor.probeTime)
    } catch {
      handle(.probeEnded(objection: "\(error)"))
    }
  }

  mutating func probeEnded(_ exitStatus: Process.ExitStatus) {
    guard let probe else { return }
    self.probe = nil
    let objection = objection(to: probe, exitStatus).map { "\(launcher.path) --version: \($0)" }
    handle(.probeEnded(objection: objection))
  }

  /// Replaces the program. Returns only on failure.
  mutating func replaceProgram() {
    do throws(Errno) {
      try replace()
    } catch {
      handle(.probeEnded(objection: "\(error)"))
    }
  }

  /// Why the program on disk can't take over; nil if it can.
  private func objection(to probe: Probe, _ exitStatus: Process.ExitStatus) -> String? {
    if probe.isLate {
      return "it has not ended within \(Supervisor.probeTime / Clock.nanosecondsPerSecond) s"
    }
    guard exitStatus == .exited(ExitCode.ok.rawValue) else { return "it \(exitStatus)" }
    return ProgramVersion(probe.text).objection
  }

  /// Executes the program on disk. Returns only by throwing, with nothing changed.
  private mutating func replace() throws(Errno) -> Never {
    let text = savedState.bytes
    // The successor would refuse a larger state.
    guard text.count <= Supervisor.maxStateSize else {
      throw Errno(code: E2BIG, attempt: "its state has \(text.count) bytes, of \(Supervisor.maxStateSize) at most")
    }
    let file = try MemoryFile.make(name: "outrider-state", contents: text)
    let channels = state.generations.flatMap { $0.channel?.descriptors ?? [] }
    let scoreboards = state.generations.compactMap { $0.scoreboard?.board.raw }
    let shutdownPipes = state.generations.compactMap { $0.shutdownPipe?.raw }
    var inherited =
      [file.raw, launcher.standardErrorNumber].filter { $0 > 2 } + store.descriptors + channels + scoreboards
    inherited += shutdownPipes
    if let fd = pidFile?.raw { inherited.append(fd) }
    if let fd = sharedStore?.file.raw { inherited.append(fd) }
    inherited += [metrics?.raw, control?.raw].compactMap { $0 } + waiting.map(\.raw)
    for fd in inherited { Process.keepAcrossExec(fd) }
    Process.setEnvironment(Supervisor.stateVariable, "\(file.raw)")
    defer {
      for fd in inherited { Process.closeOnExec(fd) }
      Process.setEnvironment(Supervisor.stateVariable, nil)
    }
    try Process.execute(launcher.path, arguments: launcher.arguments)
  }

  /// The connections that the successor has to answer.
  var waiting: [AdminConnection] { adminConnections.all.filter { $0.awaited != nil } }

  // MARK: The successor

  /// The supervisor with the state of its predecessor; nil without one.
  package static func inherited(arguments: [String]) throws(Errno) -> Supervisor? {
    guard let number = Process.environment(stateVariable), let fd = CInt(number), fd > 2 else { return nil }
    Process.setEnvironment(stateVariable, nil)
    let file = FileDescriptor(owning: fd)
    guard let bytes = MemoryFile.unsealedContents(of: file, limit: Supervisor.maxStateSize) else {
      throw Errno(code: EPROTO, attempt: "\(stateVariable): descriptor \(fd) has no state of a former supervisor")
    }
    guard let records = KeyedRecords(bytes), let own = records["supervisor"], let program = own["program"] else {
      throw Errno(code: EPROTO, attempt: "\(stateVariable): the state of the former supervisor")
    }
    // The current signal setup is the predecessor's.
    unsafe Signals.setup = Signals.Setup()
    var supervisor = try Supervisor(
      executable: program, arguments: arguments, isSuccessor: true,
      standardError: own.descriptor("standard_error"))
    supervisor.restore(own)
    try supervisor.restore(records)
    supervisor.takeOverOrphans()
    try supervisor.watchChannels()
    let count = supervisor.state.generations.count
    supervisor.log.info("the supervisor has been replaced, \(count) generation(s) taken over")
    supervisor.respondAfterReplacement()
    supervisor.respondToWaiting()
    return supervisor
  }

  /// Adopts the workers without a master that are children of this process.
  private mutating func takeOverOrphans() {
    for index in state.generations.indices.reversed() where state.generations[index].hasEnded {
      adoptWorkers(of: index)
      if state.generations[index].workers.isEmpty { state.removeGeneration(index) }
    }
  }

  /// Registers the channels of all masters.
  private func watchChannels() throws(Errno) {
    for generation in state.generations {
      guard let channel = generation.channel else { continue }
      try epoll.add(channel.raw, .readable, token: Supervisor.firstChannelToken + UInt64(generation.number))
    }
  }
}
