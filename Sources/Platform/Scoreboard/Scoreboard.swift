import CLinux
import Glibc
import Synchronization

/// What the workers of a generation show of themselves: a memfd that the master makes before it forks, in which each worker
/// writes its own slot. It outlives the worker, so that even after SIGKILL the requests it served are known.
@safe
package struct Scoreboard: ~Copyable, @unchecked Sendable {
  // The memory is mapped for the life of the value; its words are atomic.
  private let descriptor: FileDescriptor
  private let words: UnsafeMutablePointer<Atomic<UInt64>>
  package let layout: ScoreboardLayout
  /// The plugins', as they were when the scoreboard was made or mapped: what is in the memory later is anybody's.
  private let names: [String]

  /// Makes one, all zeros but for its header.
  ///
  /// - Parameter names: the plugins', in their order.
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

  /// Maps another process's, to read it; nil if it is of another version or makes no sense, or if it could be cut short.
  ///
  /// - Parameters:
  ///   - layout: where it is known from before; nil reads it.
  ///   - names: the plugins', likewise.
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
    let makesSense =
      header[0] == ScoreboardLayout.magic && header[1] == ScoreboardLayout.version
      && zip(header, bounds).allSatisfy { $0 <= $1 }
    let layout =
      makesSense
      ? ScoreboardLayout(
        slots: Int(header[2]), plugins: Int(header[3]), threads: Int(header[4]), refusals: Int(header[5]))
      : ScoreboardLayout(slots: 0, plugins: 0, threads: 0, refusals: 0)
    guard makesSense, layout.byteCount == size else {
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

  /// Another descriptor of its memory; nil if there is none left.
  package func duplicateDescriptor() -> FileDescriptor? {
    let raw = outrider_fcntl(descriptor.raw, F_DUPFD_CLOEXEC, 3)
    return raw >= 0 ? FileDescriptor(owning: raw) : nil
  }

  package func slot(_ index: Int) -> ScoreboardSlot {
    precondition(index >= 0 && index < layout.slots)
    return unsafe ScoreboardSlot(
      words + layout.headWords + index * layout.slotWords,
      room: FellowsRoom(words + layout.firstRoom, layout, own: index),
      layout, index: index)
  }

  /// All of them.
  package var pluginNames: [String] { names }

  package func pluginName(_ index: Int) -> String { names.indices.contains(index) ? names[index] : "" }

  private static func name(_ words: UnsafeMutablePointer<Atomic<UInt64>>, _ index: Int) -> String {
    let base = unsafe words + ScoreboardLayout.headerWords + index * ScoreboardLayout.nameWords
    let count = unsafe min(Int(truncatingIfNeeded: base.pointee.load(ordering: .relaxed)) & 0xFF, 64)
    let bytes = unsafe UnsafeRawBufferPointer(start: UnsafeRawPointer(base + 1), count: count)
    return unsafe String(decoding: bytes, as: UTF8.self)
  }

  /// [master] Counts a worker that was, or is to be, replaced.
  package func countRestart(_ cause: RestartCause) {
    unsafe words[ScoreboardLayout.firstRestart + cause.rawValue].wrappingAdd(1, ordering: .relaxed)
  }

  package func restarts(_ cause: RestartCause) -> UInt64 {
    unsafe words[ScoreboardLayout.firstRestart + cause.rawValue].load(ordering: .relaxed)
  }

  /// In a worker, which keeps its own slot only, and what workers tell each other, which is no more than a hint: a stray
  /// write of its plugins hurts no fellow.
  package func leaveOnly(_ slot: ScoreboardSlot) {
    let own = layout.headWords + slot.index * layout.slotWords
    let end = layout.headWords + layout.slots * layout.slotWords
    unsafe munmap(words, layout.firstRoom * 8)
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
