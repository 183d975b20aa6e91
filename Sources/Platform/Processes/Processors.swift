import CLinux

/// The processors that this process may use.
package enum Processors {
  /// Their number: those of the affinity mask (sched_setaffinity(2)), limited by the CPU quota. Determined once, so
  /// that all uses agree.
  package static let available = max(1, min(Int(outrider_affinity_count()), CPUQuota.processors() ?? .max))
}
