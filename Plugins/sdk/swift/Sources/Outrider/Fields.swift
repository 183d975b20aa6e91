public import COutriderPlugin

/// Field lines to send, in the memory in which the host reads them.
///
/// Make those that never change once, as a static constant: they cost a request nothing. The host checks names and values,
/// and refuses the call with `.invalid` if one is malformed or reserved for the server.
///
///     static let plain: Fields = ["content-type": "text/plain"]
public struct Fields: Sendable, ExpressibleByDictionaryLiteral {
  @usableFromInline let storage: Storage

  /// The field lines in their order; a name may occur repeatedly.
  public init(_ lines: [(name: String, value: String)]) { storage = Storage(lines) }

  public init(dictionaryLiteral lines: (String, String)...) { storage = Storage(lines.map { (name: $0, value: $1) }) }

  /// No field lines.
  public static let none = Fields([])

  /// These field lines and one more.
  public func adding(_ name: String, _ value: String) -> Fields {
    let lines = unsafe UnsafeBufferPointer(start: storage.lines, count: storage.count)
    return unsafe Fields(
      lines.map { unsafe (name: String(Bytes($0.name)), value: String(Bytes($0.value))) } + [(name, value)])
  }

  /// Passes the field lines to a function of the host, which reads them during the call.
  @inlinable
  package func pass<Result>(_ call: (UnsafePointer<outrider_field>?, Int) -> Result) -> Result {
    withExtendedLifetime(storage) { storage in unsafe call(storage.lines, storage.count) }
  }
}

extension Fields {
  /// The lines, and the text that they point into. Neither changes after `init`.
  @usableFromInline @safe
  final class Storage: @unchecked Sendable {
    @usableFromInline let lines: UnsafePointer<outrider_field>
    @usableFromInline let count: Int
    private let text: UnsafeMutablePointer<CChar>

    init(_ list: [(name: String, value: String)]) {
      let size = list.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
      let text = UnsafeMutablePointer<CChar>.allocate(capacity: max(size, 1))
      let lines = UnsafeMutablePointer<outrider_field>.allocate(capacity: max(list.count, 1))
      var end = unsafe text
      func append(_ string: String) -> outrider_bytes {
        let start = unsafe end
        for byte in string.utf8 {
          unsafe end.initialize(to: CChar(bitPattern: byte))
          unsafe end += 1
        }
        return unsafe outrider_bytes(data: start, size: end - start)
      }
      for (index, line) in list.enumerated() {
        let field = unsafe outrider_field(name: append(line.name), value: append(line.value))
        unsafe (lines + index).initialize(to: field)
      }
      unsafe self.text = text
      unsafe self.lines = UnsafePointer(lines)
      count = list.count
    }

    deinit {
      unsafe lines.deallocate()
      unsafe text.deallocate()
    }
  }
}

extension String {
  /// Passes the text to a function of the host, which reads it during the call.
  @inlinable
  package func pass<Result>(_ call: (outrider_bytes) -> Result) -> Result {
    var text = self
    return text.withUTF8 { unsafe call(outrider_bytes($0)) }
  }
}

extension outrider_bytes {
  @inlinable
  package init(_ buffer: UnsafeBufferPointer<UInt8>) {
    unsafe self.init(
      data: UnsafeRawPointer(buffer.baseAddress)?.assumingMemoryBound(to: CChar.self), size: buffer.count)
  }
}
