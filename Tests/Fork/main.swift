// Whether threads of a forked process can want the same of Swift's locks, as workers do: fork-locks. Swift's code runs on
// threads that are made after the fork, and on those alone. They meet at a lazy global that takes its time; without an end
// of that, SIGALRM ends them.

import Glibc
import Platform

/// Makes the thread that forks take a lock before.
private enum Early { static let value = getpid() }

private enum Late {
  static let value: pid_t = {
    usleep(200_000)
    return getpid()
  }()
}

guard Early.value == getpid() else { exit(1) }
switch try Process.fork() {
case .child:
  alarm(10)
  let loop = try Thread.start("loop") {
    guard
      let other = try? Thread.start(
        "other",
        {
          usleep(50_000)
          _ = Late.value
        })
    else { exit(1) }
    let isOwn = Late.value == getpid()
    other.join()
    exit(isOwn ? 0 : 1)
  }
  loop.join()
case .parent(let child):
  var status: CInt = 0
  guard unsafe waitpid(child, &status, 0) == child else { exit(1) }
  exit(status == 0 ? 0 : 1)
}
