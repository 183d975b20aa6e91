import HTTP
import Platform
import Synchronization

/// The notes that plugins have added to a request for the logs: keys with values. They belong to the request, whose log
/// line is written after the exchange has ended. The memory is allocated with the first note and reused for later
/// requests.
@safe
package struct RequestNotes: ~Copyable {
  /// The maximum number of notes of a request, and the maximum bytes of a key and of a value.
  package static let most = 16
  package static let maxKey = 32
  package static let maxValue = 256

  /// The counts may have any value while another thread writes them, and are bounded when read.
  private struct Note: BitwiseCopyable {
    var keyCount: UInt8 = 0
    var valueCount: UInt16 = 0
    var key = InlineArray<32, UInt8>(repeating: 0)
    var value = InlineArray<256, UInt8>(repeating: 0)
  }

  /// The header in front of the notes.
  private struct Header: BitwiseCopyable {
    /// The handle of the exchange that they belong to.
    var exchange: UInt64 = 0
    var count = 0
  }

  /// The address of a header and `most` notes; 0 before the first note.
  private let memory = Atomic<UInt>(0)
  /// The lock for reading and writing the notes: a plugin's thread may add a note while the request's line is written.
  private let isLocked = Atomic<Bool>(false)

  package init() {}

  deinit { if let header = unsafe header { unsafe UnsafeMutableRawPointer(header).deallocate() } }

  private var header: UnsafeMutablePointer<Header>? {
    unsafe UnsafeMutablePointer(bitPattern: memory.load(ordering: .acquiring))
  }

  /// The notes behind a header.
  private func notes(_ header: UnsafeMutablePointer<Header>) -> UnsafeMutablePointer<Note> {
    unsafe UnsafeMutableRawPointer(header + 1).assumingMemoryBound(to: Note.self)
  }

  private static func make() -> UnsafeMutablePointer<Header> {
    let size = MemoryLayout<Header>.stride + most * MemoryLayout<Note>.stride
    let memory = UnsafeMutableRawPointer.allocate(byteCount: size, alignment: 16)
    let header = unsafe memory.initializeMemory(as: Header.self, repeating: Header(), count: 1)
    unsafe UnsafeMutableRawPointer(header + 1).initializeMemory(as: Note.self, repeating: Note(), count: most)
    return unsafe header
  }

  private func lock() {
    while isLocked.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged == false {
      Thread.yield()
    }
  }

  private func unlock() { isLocked.store(false, ordering: .releasing) }

  /// The result of adding a note.
  enum Outcome {
    case noted, invalid, full
  }

  /// [any-thread] Sets the value of a note; an empty value removes it.
  func set(_ key: Bytes, _ value: Bytes, of exchange: UInt64) -> Outcome {
    guard RequestNotes.isKey(key), value.isWellFormed else { return .invalid }
    lock()
    defer { unlock() }
    let header = unsafe self.header ?? RequestNotes.make()
    memory.store(UInt(bitPattern: header), ordering: .releasing)
    if unsafe header.pointee.exchange != exchange { unsafe header.pointee = Header(exchange: exchange, count: 0) }
    let (notes, count) = unsafe (self.notes(header), header.pointee.count)
    var index = 0
    while index < count, unsafe !RequestNotes.key(notes + index).equals(key) { index += 1 }
    if value.isEmpty {
      guard index < count else { return .noted }
      for next in index + 1..<max(count, index + 1) { unsafe notes[next - 1] = notes[next] }
      unsafe header.pointee.count -= 1
      return .noted
    }
    guard index < RequestNotes.most else { return .full }
    if index == count {
      unsafe notes[index].keyCount = UInt8(key.count)
      for place in 0..<key.count { unsafe notes[index].key[place] = key[place] }
      unsafe header.pointee.count += 1
    }
    let valueCount = min(value.count, RequestNotes.maxValue)
    for place in 0..<valueCount { unsafe notes[index].value[place] = value[place] }
    unsafe notes[index].valueCount = UInt16(valueCount)
    return .noted
  }

  /// [any-thread] Calls `body` with each note of that exchange, in the order in which the keys were first set.
  package func forEach(of exchange: UInt64, _ body: (_ key: Bytes, _ value: Bytes) -> Void) {
    guard let header = unsafe header else { return }
    lock()
    defer { unlock() }
    guard unsafe header.pointee.exchange == exchange else { return }
    let notes = unsafe notes(header)
    for index in 0..<(unsafe header.pointee.count) {
      unsafe body(RequestNotes.key(notes + index), RequestNotes.value(notes + index))
    }
  }

  /// With the lock held.
  private static func key(_ note: UnsafeMutablePointer<Note>) -> Bytes {
    unsafe withUnsafePointer(to: &note.pointee.key) { key in
      unsafe Bytes(
        base: UnsafeRawPointer(key).assumingMemoryBound(to: UInt8.self),
        count: min(Int(note.pointee.keyCount), RequestNotes.maxKey))
    }
  }

  private static func value(_ note: UnsafeMutablePointer<Note>) -> Bytes {
    unsafe withUnsafePointer(to: &note.pointee.value) { value in
      unsafe Bytes(
        base: UnsafeRawPointer(value).assumingMemoryBound(to: UInt8.self),
        count: min(Int(note.pointee.valueCount), RequestNotes.maxValue))
    }
  }

  /// Letters, digits, `-`, `_` and `.`.
  static func isKey(_ key: Bytes) -> Bool {
    guard !key.isEmpty, key.count <= maxKey else { return false }
    for index in 0..<key.count {
      switch key[index] {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        continue
      default: return false
      }
    }
    return true
  }
}
