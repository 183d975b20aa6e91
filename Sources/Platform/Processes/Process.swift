import CLinux
import Glibc

/// Making, ending and burying processes.
package enum Process {
  package static var id: pid_t { getpid() }

  package enum Side {
    case child
    case parent(child: pid_t)
  }

  /// Forks. The process must have one thread. A child that is to have more leaves Swift's code to those, and to none but
  /// those: runtimes note each thread's number, for good, and the child's first goes by one that it had in the parent.
  package static func fork() throws(Errno) -> Side {
    let pid = outrider_fork()
    guard pid >= 0 else { throw .last("fork") }
    return pid == 0 ? .child : .parent(child: pid)
  }

  /// Replaces the program. Returns only to throw.
  package static func execute(_ path: String, arguments: [String]) throws(Errno) -> Never {
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    unsafe execv(path, vector)
    throw .last("exec \(path)")
  }

  /// How a child ended.
  package enum Ending: Sendable, Equatable, CustomStringConvertible {
    case exited(CInt)
    case killed(CInt)

    package var description: String {
      switch self {
      case .exited(let code): "exited with \(code)"
      case .killed(let signal): "was killed by \(Signals.name(signal))"
      }
    }
  }

  /// A child that has ended, or nil if none has by now.
  package static func reap() -> (pid: pid_t, ending: Ending)? {
    var status: CInt = 0
    let pid = retryingInterrupts { unsafe waitpid(-1, &status, WNOHANG) }
    return pid > 0 ? (pid, ending(status)) : nil
  }

  /// What has become of a child.
  package enum Change: Sendable {
    case ended(Ending)
    /// By this signal; it is not told twice of the same stop, and not of those by a debugger.
    case stopped(CInt)
  }

  /// A child that has ended or been stopped, or nil if none has by now.
  package static func nextChange() -> (pid: pid_t, change: Change)? {
    var status: CInt = 0
    let pid = retryingInterrupts { unsafe waitpid(-1, &status, WNOHANG | WUNTRACED) }
    guard pid > 0 else { return nil }
    return (pid, outrider_stopped(status) != 0 ? .stopped(outrider_stop_signal(status)) : .ended(ending(status)))
  }

  private static func ending(_ status: CInt) -> Ending {
    outrider_exited(status) != 0 ? .exited(outrider_exit_code(status)) : .killed(outrider_term_signal(status))
  }

  package static func send(_ signal: CInt, to pid: pid_t) {
    kill(pid, signal)
  }

  /// To one of its threads; to any of them if it has none of that number. What is sent to a process that is stopped is
  /// taken by whichever thread wakes first, and the others go on.
  package static func send(_ signal: CInt, toThread thread: pid_t, of pid: pid_t) {
    if thread <= 0 || outrider_tgkill(pid, thread, signal) != 0 { kill(pid, signal) }
  }

  /// Asks for `signal` when the parent dies, and says whether the parent is still `parent`, since it may have died
  /// before this.
  package static func bindToParent(_ parent: pid_t, signal: CInt) -> Bool {
    outrider_prctl(PR_SET_PDEATHSIG, UInt(signal))
    return getppid() == parent
  }

  /// A fatal signal leaves a core, although the process has changed its user since it was executed (PR_SET_DUMPABLE).
  package static func allowCoreDumps() { _ = outrider_prctl(PR_SET_DUMPABLE, 1) }

  /// No exec gives this process, or a child of it, more rights than it has.
  package static func renouncePrivileges() throws(Errno) {
    guard outrider_prctl(PR_SET_NO_NEW_PRIVS, 1) == 0 else { throw .last("prctl no_new_privs") }
  }

  package static var parentID: pid_t { getppid() }

  /// Whether `pid` is a child of this process, be it one that has ended and is not reaped yet.
  package static func isChild(_ pid: pid_t) -> Bool {
    var info = unsafe siginfo_t()
    return pid > 0
      && retryingInterrupts { unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) } == 0
  }

  /// Whether a child has ended; it is not reaped by that.
  package static func hasEnded(_ child: pid_t) -> Bool {
    var info = unsafe siginfo_t()
    let result = retryingInterrupts { unsafe waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) }
    // Without an end nothing is filled in.
    return unsafe result < 0 || info.si_signo == SIGCHLD
  }

  /// From now on what the process writes to standard output and error goes nowhere; false if that can't be.
  package static func discardOutput() -> Bool {
    let null = unsafe outrider_open("/dev/null", O_WRONLY, 0)
    return null >= 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2
  }

  /// The process begins a session of its own, which has no terminal, and reads nothing; false if that can't be. A process
  /// that leads a group can't.
  package static func leaveTerminal() -> Bool {
    let null = unsafe outrider_open("/dev/null", O_RDONLY, 0)
    guard setsid() >= 0, null >= 0, dup2(null, 0) == 0 else { return false }
    if null > 0 { Glibc.close(null) }
    return true
  }

  /// Closes every descriptor from 3 on that is not in `keep`.
  package static func closeDescriptors(except keep: [CInt]) {
    var next: UInt32 = 3
    for fd in keep.filter({ $0 >= 3 }).map(UInt32.init).sorted() {
      if fd > next { outrider_close_range(next, fd - 1) }
      next = max(next, fd + 1)
    }
    outrider_close_range(next, .max)
  }

  /// Lets `fd` survive the next exec.
  package static func keepAcrossExec(_ fd: CInt) {
    outrider_fcntl(fd, F_SETFD, 0)
  }

  /// The usual state of a descriptor.
  package static func closeOnExec(_ fd: CInt) {
    outrider_fcntl(fd, F_SETFD, FD_CLOEXEC)
  }

  /// Whether a loaded library defines a symbol version, such as `LIBSYSTEMD_252`.
  package static func hasSymbolVersion(_ version: String) -> Bool {
    unsafe outrider_has_symbol_version(version) != 0
  }

  /// How many threads the process has.
  package static func threadCount() throws(Errno) -> Int {
    guard let directory = unsafe opendir("/proc/self/task") else { throw .last("open /proc/self/task") }
    defer { unsafe closedir(directory) }
    var count = 0
    while let entry = unsafe readdir(directory) {
      if unsafe entry.pointee.d_name.0 != 0x2E { count += 1 }
    }
    return count
  }

  /// Gives memory that has been freed back to the system, which the allocator alone does for the end of its heap.
  package static func releaseFreeMemory() { outrider_release_free_memory() }

  package static var processorCount: Int { max(1, sysconf(CInt(_SC_NPROCESSORS_ONLN))) }

  package static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  package static func setEnvironment(_ name: String, _ value: String?) {
    if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
  }

  /// Ends the process at once with `code`: no atexit handlers, which belong to the parent's copy.
  package static func leave(_ code: ExitCode) -> Never { _exit(code.rawValue) }

  /// Ends the process with `code` as exit(3) does: stdio is flushed, and what libraries and plugins have registered runs,
  /// for `patience` nanoseconds at most. For a process that ends with a single thread of the server's own.
  package static func finish(_ code: ExitCode, within patience: UInt64) -> Never {
    outrider_expect_exit()
    // Without a thread that looks after it, exit() could last for ever.
    guard
      (try? Thread.start {
        pause(for: patience)
        leave(code)
      }) != nil
    else { leave(code) }
    // A plugin's thread would run on in code whose data are gone.
    if (try? threadCount()) ?? 0 > 2 {
      fflush(nil)
      leave(code)
    }
    exit(code.rawValue)
  }

  private static func pause(for nanoseconds: UInt64) {
    let end = Clock.monotonic() &+ nanoseconds
    while true {
      let now = Clock.monotonic()
      guard now < end else { return }
      var time = timespec(
        tv_sec: Int((end - now) / Clock.nanosecondsPerSecond), tv_nsec: Int((end - now) % Clock.nanosecondsPerSecond))
      unsafe nanosleep(&time, nil)
    }
  }
}
