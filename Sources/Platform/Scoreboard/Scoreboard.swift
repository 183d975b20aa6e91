import CLinux
import Glibc
import Synchronization

/// Shared memory in which each worker of a generation writes to its own slot: a memfd that the master makes before it
/// forks. A slot outlives its worker, so that the requests in flight are known even after SIGKILL.
@safe
package struct Scoreboard: ~Copyable, @unchecked Sendable {
  // The memory is mapped as long as the value exists; its words are atomic.
  private let descriptor: FileDescriptor
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  package let layout: ScoreboardLayout
  /// The names of the plugins when the scoreboard was made or mapped: plugins can overwrite those in memory.
  private let names: [String]

  /// Makes a scoreboard of zeros with a header.
  ///
  /// - Parameter names: the names of the plugins, in the order of the configuration.
  package init(_ layout: ScoreboardLayout, names: [String]) throws(Errno) {
    let descriptor = try MemoryFile.empty(name: "outrider-scoreboard", size: layout.byteCount)
    try MemoryFile.sealSize(descriptor)
    unsafe words = try Self.map(descriptor.raw, layout.byteCount, writing: true)
    self.descriptor = descriptor
    self.layout = layout
    self.names = names
    let numbers = [
      ScoreboardLayout.magic, ScoreboardLayout.version, UInt64(layout.slots), UInt64(layout.plugins),
      UInt64(layout.threads), UInt64(layout.refusals),
    ]
    for (index, number) in numbers.enumerated() { unsafe words[index].store(number, ordering: .relaxed) }
    for (index, name) in names.prefix(layout.plugins).enumerated() {
      let base = unsafe words + ScoreboardLayout.headerWords + index * ScoreboardLayout.nameWords
      let bytes = Array(name.utf8.prefix(64))
      unsafe base.pointee.store(UInt64(bytes.count), ordering: .relaxed)
      unsafe memcpy(UnsafeMutableRawPointer(base + 1), bytes, bytes.count)
    }
  }

  /// Maps the scoreboard of another process for reading; nil if it has another version, is invalid, or could be truncated.
  ///
  /// - Parameters:
  ///   - layout: the layout, if it is known; nil to read it.
  ///   - names: the names of the plugins, in the same way.
  package init?(
    reading descriptor: consuming FileDescriptor, layout knownLayout: ScoreboardLayout? = nil,
    names known: [String]? = nil
  ) {
    guard let size = MemoryFile.sealedSize(of: descriptor.raw), size >= 4096,
      let words = unsafe try? Self.map(descriptor.raw, size, writing: false)
    else { return nil }
    let header =
      if let known = knownLayout {
        [ScoreboardLayout.magic, ScoreboardLayout.version]
          + [known.slots, known.plugins, known.threads, known.refusals].map(UInt64.init(clamping:))
      } else {
        (0..<6).map { unsafe words[$0].load(ordering: .relaxed) }
      }
    let bounds: [UInt64] = [.max, .max, 1 << 16, 1 << 16, 1 << 16, 1 << 10]
    let isValid =
      header[0] == ScoreboardLayout.magic && header[1] == ScoreboardLayout.version
      && zip(header, bounds).allSatisfy { $0 <= $1 }
    let layout =
      isValid
      ? ScoreboardLayout(
        slots: Int(header[2]), plugins: Int(header[3]), threads: Int(header[4]), refusals: Int(header[5]))
      : ScoreboardLayout(slots: 0, plugins: 0, threads: 0, refusals: 0)
    guard isValid, layout.byteCount == size else {
      unsafe munmap(words, size)
      return nil
    }
    self.descriptor = descriptor
    unsafe self.words = unsafe words
    self.layout = layout
    if let known {
      names = known
    } else {
      names = (0..<layout.plugins).map { index in unsafe Self.name(words, index) }
    }
  }

  deinit { unsafe munmap(words, layout.byteCount) }

  package var raw: CInt { descriptor.raw }

  /// Another descriptor of its memory; nil if no descriptor is left.
  package func duplicateDescriptor() -> FileDescriptor? {
    let raw = outrider_fcntl(descriptor.raw, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  package func slot(_ index: Int) -> ScoreboardSlot {
    precondition(index >= 0 && index < layout.slots)
    return unsafe ScoreboardSlot(
      words + layout.headWords + index * layout.slotWords,
      capacityHints: CapacityHints(words + layout.firstCapacityHint, layout, own: index),
      layout, index: index)
  }

  /// The slots that workers have used. Most slots are unused, and reading one is expensive.
  package var usedSlots: [Int] { (0..<layout.slots).filter { !slot($0).isUnused } }

  /// The definitions of the plugins' metrics.
  package var metricDefinitions: MetricDefinitions {
    unsafe MetricDefinitions(words + layout.firstMetricDefinition)
  }

  package var pluginNames: [String] { names }

  package func pluginName(_ index: Int) -> String { names.indices.contains(index) ? names[index] : "" }

  private static func name(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ index: Int) -> String {
    let base = unsafe words + ScoreboardLayout.headerWords + index * ScoreboardLayout.nameWords
    let count = unsafe min(Int(truncatingIfNeeded: base.pointee.load(ordering: .relaxed)) & 0xFF, 64)
    let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(base + 1), count: count)
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// [master] Counts a worker that has been or will be replaced.
  package func countRestart(_ cause: RestartCause) {
    unsafe words[ScoreboardLayout.firstRestart + cause.rawValue].wrappingAdd(1, ordering: .relaxed)
  }

  package func restarts(_ cause: RestartCause) -> UInt64 {
    unsafe words[ScoreboardLayout.firstRestart + cause.rawValue].load(ordering: .relaxed)
  }

  /// [worker] Unmaps all but its own slot and the capacity hints, so that no write of a plugin reaches other slots.
  ///
  /// - Parameter keepsDefinitions: of metrics too, since it loads plugins of its own.
  package func unmapOthers(except slot: ScoreboardSlot, keepsDefinitions: Bool) {
    let own = layout.headWords + slot.index * layout.slotWords
    let end = layout.headWords + layout.slots * layout.slotWords
    unsafe munmap(words, layout.firstCapacityHint * 8)
    if !keepsDefinitions {
      unsafe munmap(words + layout.firstMetricDefinition, layout.metricDefinitionWords * 8)
    }
    unsafe munmap(words + layout.headWords, (own - layout.headWords) * 8)
    unsafe munmap(words + own + layout.slotWords, (end - own - layout.slotWords) * 8)
  }

  private static func map(
    _ fd: CInt, _ size: Int, writing: Bool
  ) throws(Errno) -> UnsafeMutablePointer<Atomic<UInt64>> {
    let protection = writing ? PROT_READ | PROT_WRITE : PROT_READ
    guard let memory = unsafe mmap(nil, size, protection, MAP_SHARED, fd, 0), unsafe memory != MAP_FAILED else {
      throw .last("mmap scoreboard")
    }
    return unsafe memory.bindMemory(to: Atomic<UInt64>.self, capacity: size / 8)
  }
}
