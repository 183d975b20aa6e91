/// The processor time that control groups allow for a process (cgroups(7)): `cpu.max` in version 2, `cpu.cfs_quota_us`
/// in version 1. The process's group and all its ancestors may have quotas; the smallest applies.
package enum CPUQuota {
  /// The maximum size of files in /proc that are read; a host with containers has thousands of mounts.
  private static let longestMounts = 4 << 20
  private static let longestGroups = 64 << 10

  /// The number of processors that the process may keep busy all the time, rounded up; nil without a quota.
  ///
  /// - Parameter process: the directory of the process in /proc.
  package static func processors(of process: String = "/proc/self") -> Int? {
    guard let mounts = lines("\(process)/mountinfo", longestMounts),
      let groups = lines("\(process)/cgroup", longestGroups)
    else { return nil }
    var least: Int?
    for mount in mounts.compactMap(Mount.init) {
      guard let group = groups.lazy.compactMap({ group(of: $0, in: mount.version) }).first else { continue }
      for folder in mount.folders(of: group) {
        guard let quota = quota(of: folder, mount.version) else { continue }
        least = min(least ?? quota, quota)
      }
    }
    return least
  }

  private enum Version { case one, two }

  /// The mount point of a hierarchy with quotas.
  private struct Mount {
    let version: Version
    /// The group that is at the mount point.
    private let root: String
    private let point: String

    /// Parses a line of mountinfo, see proc(5); nil for other mounts.
    init?(_ line: String) {
      let words = line.split(separator: " ")
      guard words.count > 5, let dash = words.dropFirst(6).firstIndex(of: "-"), words.count > dash + 3 else {
        return nil
      }
      switch words[dash + 1] {
      case "cgroup2": version = .two
      case "cgroup" where words[dash + 3].split(separator: ",").contains("cpu"): version = .one
      default: return nil
      }
      root = Mount.plain(words[3])
      point = Mount.plain(words[4])
    }

    /// The directories of a group and its ancestors, as far as they are visible. If the group is outside what is
    /// mounted, as for some containers, the mount point is used.
    func folders(of group: String) -> [String] {
      let parent = root == "/" ? "" : root
      guard group.hasPrefix("\(parent)/"), !group.split(separator: "/").contains("..") else { return [point] }
      var folder = point
      return [point]
        + group.dropFirst(parent.utf8.count).split(separator: "/").map { name in
          folder += "/\(name)"
          return folder
        }
    }

    /// Spaces and some other characters are written as octal numbers after a backslash.
    private static func plain(_ word: Substring) -> String {
      var bytes: [UInt8] = []
      var rest = Array(word.utf8)[...]
      while let byte = rest.popFirst() {
        if byte == UInt8(ascii: "\\"), rest.count >= 3,
          let code = UInt8(String(decoding: rest.prefix(3), as: UTF8.self), radix: 8)
        {
          bytes.append(code)
          rest = rest.dropFirst(3)
        } else {
          bytes.append(byte)
        }
      }
      return String(decoding: bytes, as: UTF8.self)
    }
  }

  /// The name of the process's group, from a line `number:controllers:name`; nil if the line is for another hierarchy.
  private static func group(of line: String, in version: Version) -> String? {
    let parts = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
    guard parts.count == 3 else { return nil }
    let isWanted =
      switch version {
      case .one: parts[1].split(separator: ",").contains("cpu")
      case .two: parts[0] == "0" && parts[1].isEmpty
      }
    return isWanted ? String(parts[2]) : nil
  }

  private static func quota(of folder: String, _ version: Version) -> Int? {
    let words: [Substring]
    switch version {
    case .one: words = Self.words("\(folder)/cpu.cfs_quota_us") + Self.words("\(folder)/cpu.cfs_period_us")
    case .two: words = Self.words("\(folder)/cpu.max")
    }
    // "max" or -1 means no quota.
    guard words.count == 2, let quota = UInt64(words[0]), let period = UInt64(words[1]), quota > 0, period > 0 else {
      return nil
    }
    return Int(clamping: quota / period + (quota % period > 0 ? 1 : 0))
  }

  private static func words(_ path: String) -> [Substring] {
    (lines(path, 4096)?.first ?? "").split(separator: " ")
  }

  private static func lines(_ path: String, _ limit: Int) -> [String]? {
    guard let bytes = try? FileContents.read(path: path, limit: limit) else { return nil }
    return bytes.split(separator: UInt8(ascii: "\n")).map { String(decoding: $0, as: UTF8.self) }
  }
}
