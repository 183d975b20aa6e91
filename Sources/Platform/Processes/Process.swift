import CLinux
import Glibc

/// Creating, signalling and reaping processes.
package enum Process {
  package static var id: pid_t { getpid() }

  package enum Side {
    case child
    case parent(child: pid_t)
  }

  /// Forks. The process must have one thread. If the child starts threads, it runs Swift code only on those. Runtimes
  /// cache each thread's ID, and on the child's first thread the cached ID is that of the parent's.
  package static func fork() throws(Errno) -> Side {
    let pid = outrider_fork()
    guard pid >= 0 else { throw .last("fork") }
    return pid == 0 ? .child : .parent(child: pid)
  }

  /// Replaces the program. Returns only by throwing.
  package static func execute(_ path: String, arguments: [String]) throws(Errno) -> Never {
    var vector = unsafe arguments.map { unsafe strdup($0) }
    unsafe vector.append(nil)
    unsafe execv(path, vector)
    throw .last("exec \(path)")
  }

  /// How a child ended.
  package enum ExitStatus: Sendable, Equatable, CustomStringConvertible {
    case exited(CInt)
    case killed(CInt)

    package var description: String {
      switch self {
      case .exited(let code): "exited with \(code)"
      case .killed(let signal): "was killed by \(Signals.name(signal))"
      }
    }
  }

  /// A child that has ended, or nil if there is none.
  package static func reap() -> (pid: pid_t, exitStatus: ExitStatus)? {
    var status: CInt = 0
    let pid = retryingInterrupts { unsafe waitpid(-1, &status, WNOHANG) }
    return pid > 0 ? (pid, exitStatus(status)) : nil
  }

  /// How this child ended; nil while it runs.
  package static func takeEnd(of child: pid_t) -> ExitStatus? {
    var status: CInt = 0
    let pid = retryingInterrupts { unsafe waitpid(child, &status, WNOHANG) }
    return pid > 0 ? exitStatus(status) : nil
  }

  /// Waits until this child has ended.
  package static func awaitEnd(of child: pid_t) -> ExitStatus {
    var status: CInt = 0
    _ = retryingInterrupts { unsafe waitpid(child, &status, 0) }
    return exitStatus(status)
  }

  /// A change of a child's state.
  package enum Change: Sendable {
    case ended(ExitStatus)
    /// Stopped by this signal. Each stop is reported once, stops by a debugger are not.
    case stopped(CInt)
  }

  /// A child that has ended or been stopped, or nil if there is none.
  package static func nextChange() -> (pid: pid_t, change: Change)? {
    var status: CInt = 0
    let pid = retryingInterrupts { unsafe waitpid(-1, &status, WNOHANG | WUNTRACED) }
    guard pid > 0 else { return nil }
    return (pid, outrider_stopped(status) != 0 ? .stopped(outrider_stop_signal(status)) : .ended(exitStatus(status)))
  }

  private static func exitStatus(_ status: CInt) -> ExitStatus {
    outrider_exited(status) != 0 ? .exited(outrider_exit_code(status)) : .killed(outrider_term_signal(status))
  }

  package static func send(_ signal: CInt, to pid: pid_t) {
    kill(pid, signal)
  }

  /// Sends a signal to a thread, or to the process if it has no thread with that ID. A signal to a stopped process is
  /// handled by the thread that wakes first, while the others continue.
  package static func send(_ signal: CInt, toThread thread: pid_t, of pid: pid_t) {
    if thread <= 0 || outrider_tgkill(pid, thread, signal) != 0 { kill(pid, signal) }
  }

  /// Makes the kernel send `signal` when the parent dies. Returns whether the parent is still `parent`, since it may
  /// have died before.
  package static func bindToParent(_ parent: pid_t, signal: CInt) -> Bool {
    outrider_prctl(PR_SET_PDEATHSIG, UInt(signal))
    return getppid() == parent
  }

  /// Allows core dumps although the process has changed its user since it was executed (PR_SET_DUMPABLE).
  package static func allowCoreDumps() { _ = outrider_prctl(PR_SET_DUMPABLE, 1) }

  /// Prevents this process and its children from gaining rights by exec.
  package static func renouncePrivileges() throws(Errno) {
    guard outrider_prctl(PR_SET_NO_NEW_PRIVS, 1) == 0 else { throw .last("prctl no_new_privs") }
  }

  package static var parentID: pid_t { getppid() }

  /// Has SIGALRM end this process when so many nanoseconds have passed; nil takes that back. Its children do not have it.
  package static func endAfter(_ span: UInt64?) { outrider_alarm(span.map { max(1, $0) } ?? 0) }

  /// Whether `pid` is a child of this process, be it one that has ended and is not reaped yet.
  package static func isChild(_ pid: pid_t) -> Bool {
    var info = unsafe siginfo_t()
    return pid > 0
      && retryingInterrupts { unsafe waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT) } == 0
  }

  /// Makes orphaned descendants children of this process (PR_SET_CHILD_SUBREAPER).
  package static func becomeSubreaper() { _ = outrider_prctl(PR_SET_CHILD_SUBREAPER, 1) }

  /// Whether `pid` is a child of this process and in the session that `leader` leads or led. A process is born into a
  /// session and can't join one later.
  package static func isChild(_ pid: pid_t, inSessionOf leader: pid_t) -> Bool {
    isChild(pid) && getsid(pid) == leader
  }

  /// Whether a child has ended; does not reap it.
  package static func hasEnded(_ child: pid_t) -> Bool {
    var info = unsafe siginfo_t()
    let result = retryingInterrupts { unsafe waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) }
    // `info` remains empty if the child has not ended.
    return unsafe result < 0 || info.si_signo == SIGCHLD
  }

  /// Discards what the process writes to standard output and error from now on; false on failure.
  package static func discardOutput() -> Bool {
    let null = unsafe outrider_open("/dev/null", O_WRONLY, 0)
    return null >= 0 && dup2(null, 1) == 1 && dup2(null, 2) == 2
  }

  /// From now on there is nothing to read on standard input; false if that can't be.
  @discardableResult
  package static func discardInput() -> Bool {
    let null = unsafe outrider_open("/dev/null", O_RDONLY, 0)
    guard null >= 0, dup2(null, 0) == 0 else { return false }
    if null > 0 { Glibc.close(null) }
    return true
  }

  /// The process begins a session of its own, which has no terminal, and reads nothing; false if that can't be. A process
  /// that leads a group can't.
  package static func detachFromTerminal() -> Bool {
    setsid() >= 0 && discardInput()
  }

  /// Closes all descriptors from 3 that are not in `keep`.
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

  /// Restores close-on-exec, the usual state of a descriptor.
  package static func closeOnExec(_ fd: CInt) {
    outrider_fcntl(fd, F_SETFD, FD_CLOEXEC)
  }

  /// Whether a loaded library defines a symbol version, such as `LIBSYSTEMD_252`.
  package static func hasSymbolVersion(_ version: String) -> Bool {
    unsafe outrider_has_symbol_version(version) != 0
  }

  /// The number of the process's threads.
  package static func threadCount() throws(Errno) -> Int {
    guard let directory = unsafe opendir("/proc/self/task") else { throw .last("open /proc/self/task") }
    defer { unsafe closedir(directory) }
    var count = 0
    while let entry = unsafe readdir(directory) {
      if unsafe entry.pointee.d_name.0 != 0x2E { count += 1 }
    }
    return count
  }

  /// Returns freed memory to the system. The allocator by itself does that only at the end of its heap.
  package static func releaseFreeMemory() { outrider_release_free_memory() }

  package static func environment(_ name: String) -> String? {
    guard let value = unsafe getenv(name) else { return nil }
    return unsafe String(cString: value)
  }

  package static func setEnvironment(_ name: String, _ value: String?) {
    if let value { unsafe setenv(name, value, 1) } else { unsafe unsetenv(name) }
  }

  /// Exits at once with `code`, without atexit handlers, which are copies of the parent's.
  package static func exit(_ code: ExitCode) -> Never { _exit(code.rawValue) }

  /// Exits with `code` like exit(3): flushes stdio, and runs handlers of libraries and plugins for at most `timeout`
  /// nanoseconds. Called when only one thread of the server is left.
  package static func exitRunningHandlers(_ code: ExitCode, within timeout: UInt64) -> Never {
    outrider_expect_exit()
    // Without a thread that limits it, exit() might never return.
    guard
      (try? Thread.start("outrider-exit") {
        sleep(for: timeout)
        exit(code)
      }) != nil
    else { exit(code) }
    // A thread of a plugin would continue to run in code whose data have been destroyed.
    if (try? threadCount()) ?? 0 > 2 {
      fflush(nil)
      exit(code)
    }
    Glibc.exit(code.rawValue)
  }

  private static func sleep(for nanoseconds: UInt64) {
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
