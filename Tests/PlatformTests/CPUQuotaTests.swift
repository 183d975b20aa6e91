import Foundation
import Platform
import Testing

/// Files as the kernel has them for a process, and for its control groups.
@Suite struct CPUQuotaTests {
  /// - Parameters:
  ///   - mounts: lines of mountinfo, in which PLACE stands for a folder of the test's own; so in names of `files`.
  private func processors(mounts: [String], groups: [String], files: [String: String]) throws -> Int? {
    let place = FileManager.default.temporaryDirectory.appendingPathComponent("outrider quota \(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: place) }
    try FileManager.default.createDirectory(atPath: "\(place)/process", withIntermediateDirectories: true)
    func write(_ text: String, to path: String) throws {
      let folder = String(path[..<path.lastIndex(of: "/")!])
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      try text.write(toFile: path, atomically: false, encoding: .utf8)
    }
    let escaped = place.replacingOccurrences(of: " ", with: "\\040")
    let lines = mounts.map { $0.replacingOccurrences(of: "PLACE", with: escaped) }
    try write(lines.joined(separator: "\n") + "\n", to: "\(place)/process/mountinfo")
    try write(groups.joined(separator: "\n") + "\n", to: "\(place)/process/cgroup")
    for (name, text) in files { try write(text + "\n", to: "\(place)/\(name)") }
    return CPUQuota.processors(of: "\(place)/process")
  }

  private let second = "30 24 0:26 / PLACE/two rw,nosuid shared:9 - cgroup2 cgroup2 rw,nsdelegate"
  private let first = "31 24 0:27 / PLACE/one rw - cgroup cgroup rw,cpu,cpuacct"
  private let other = "32 24 0:28 / PLACE/set rw - cgroup cgroup rw,cpuset"

  @Test func withoutAQuota() throws {
    #expect(try processors(mounts: [], groups: [], files: [:]) == nil)
    #expect(try processors(mounts: [second], groups: ["0::/"], files: [:]) == nil)
    #expect(try processors(mounts: [second], groups: ["0::/"], files: ["two/cpu.max": "max 100000"]) == nil)
    let files = ["one/cpu.cfs_quota_us": "-1", "one/cpu.cfs_period_us": "100000"]
    #expect(try processors(mounts: [first], groups: ["2:cpu,cpuacct:/"], files: files) == nil)
  }

  @Test(arguments: [
    ("100000 100000", 1), ("100001 100000", 2), ("1000 100000", 1), ("250000 100000", 3), ("50000 10000", 5),
    ("18446744073709551615 1", Int.max),
  ])
  func aPartOfAProcessorIsOne(_ text: String, _ expected: Int) throws {
    #expect(try processors(mounts: [second], groups: ["0::/"], files: ["two/cpu.max": text]) == expected)
    let words = text.split(separator: " ").map(String.init)
    let files = ["one/cpu.cfs_quota_us": words[0], "one/cpu.cfs_period_us": words[1]]
    #expect(try processors(mounts: [other, first], groups: ["2:cpu,cpuacct:/"], files: files) == expected)
  }

  @Test(arguments: ["", "max", "0 100000", "100000 0", "-5 100000", "x y", "1 2 3", "99999999999999999999 1"])
  func whatIsNoQuotaIsNone(_ text: String) throws {
    #expect(try processors(mounts: [second], groups: ["0::/"], files: ["two/cpu.max": text]) == nil)
  }

  /// The least of those of the group and of those above it.
  @Test func groupsAboveCount() throws {
    let files = [
      "two/a/cpu.max": "200000 100000", "two/a/b/cpu.max": "max 100000", "two/a/b/c/cpu.max": "400000 100000",
    ]
    #expect(try processors(mounts: [second], groups: ["0::/a/b/c"], files: files) == 2)
    #expect(try processors(mounts: [second], groups: ["0::/a/b"], files: files) == 2)
    #expect(try processors(mounts: [second], groups: ["0::/b"], files: files) == nil)
  }

  /// A container sees its own group as the root, by a mount or by a namespace; or the name that it has outside.
  @Test func inAContainer() throws {
    let files = ["two/cpu.max": "150000 100000", "two/x/cpu.max": "100000 100000"]
    let mounted = "30 24 0:26 /docker/123 PLACE/two rw - cgroup2 cgroup2 rw"
    #expect(try processors(mounts: [mounted], groups: ["0::/docker/123"], files: files) == 2)
    #expect(try processors(mounts: [mounted], groups: ["0::/docker/123/x"], files: files) == 1)
    #expect(try processors(mounts: [mounted], groups: ["0::/docker/1234"], files: files) == 2)
    #expect(try processors(mounts: [second], groups: ["0::/../../outside"], files: files) == 2)
    #expect(try processors(mounts: [mounted], groups: ["0::/"], files: files) == 2)
  }

  /// Both versions at once, of which one has the controller.
  @Test func bothVersions() throws {
    let files = [
      "one/a/cpu.cfs_quota_us": "300000", "one/a/cpu.cfs_period_us": "100000", "two/b/cpu.max": "max 100000",
      "set/a/cpu.cfs_quota_us": "1", "set/a/cpu.cfs_period_us": "1",
    ]
    let groups = ["5:cpuset:/a", "2:cpuacct,cpu:/a", "1:name=systemd:/a", "0::/b"]
    #expect(try processors(mounts: [other, second, first], groups: groups, files: files) == 3)
  }
}
