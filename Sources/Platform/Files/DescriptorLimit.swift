import Glibc

/// The maximum number of open descriptors of this process (RLIMIT_NOFILE).
package enum DescriptorLimit {
  /// Raises the soft limit to `count` if it is lower, within the hard limit.
  ///
  /// - Returns: the hard limit, if that is too low.
  package static func raise(to count: Int) -> UInt64? {
    var limit = rlimit()
    guard unsafe getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return nil }
    let wanted = rlim_t(count)
    if limit.rlim_cur < wanted {
      limit.rlim_cur = min(wanted, limit.rlim_max)
      unsafe setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
    return limit.rlim_max < wanted ? UInt64(limit.rlim_max) : nil
  }
}
