import COutrider
import HTTP
import Platform

/// What a plugin has been given of one request, copied, and what it has done with it.
@safe
final class SeenRequest {
  let isBlocking: Bool
  let method: [UInt8]
  let target: [UInt8]
  let path: [UInt8]
  let query: [UInt8]
  let authority: [UInt8]
  let fields: [CopiedField]
  let version: UInt32
  var body: [UInt8] = []
  var trailers: [CopiedField] = []
  /// The end of the body has been told.
  var hasEnd = false
  var disconnect: Int32?
  var isClosed = false
  /// Bytes that are lent to the worker.
  var leases = 0
  /// What the plugin does: the first letter of the path.
  let letter: UInt8
  /// Bytes of the answer that are to be sent still.
  var pending = 0
  var sent = 0
  /// All of the request has been told.
  var isComplete = false
  /// A whole answer for which there was no room.
  var refusedAnswer: [UInt8]?

  init(_ head: outrider_head, isBlocking: Bool) {
    self.isBlocking = isBlocking
    method = unsafe Array(Bytes(copying: head.method))
    target = unsafe Array(Bytes(copying: head.target))
    path = unsafe Array(Bytes(copying: head.path))
    query = unsafe Array(Bytes(copying: head.query))
    authority = unsafe Array(Bytes(copying: head.authority))
    version = unsafe head.http_version
    fields = unsafe (0..<head.n_fields).map { unsafe CopiedField(head.fields[$0]) }
    letter = path.count > 1 ? path[1] : 0
    SeenRequest.monitor.lock()
    unsafe SeenRequest.all.append(self)
    SeenRequest.monitor.unlock()
  }

  /// A run of the answer's body: no other request has the same target.
  func content(_ count: Int, from start: Int = 0) -> [UInt8] { Content.of(target, count, from: start) }

  // MARK: All of them

  private static let monitor = Monitor()
  nonisolated(unsafe) private static var all: [SeenRequest] = []

  /// Those since the last call, in order.
  static func takeAll() -> [SeenRequest] {
    monitor.lock()
    defer {
      unsafe all = []
      monitor.unlock()
    }
    return unsafe all
  }
}

/// The bytes of answers.
enum Content {
  /// The mark of the request, again and again.
  static func of(_ target: [UInt8], _ count: Int, from start: Int = 0) -> [UInt8] {
    let mark = [UInt8(ascii: "[")] + target + [UInt8(ascii: "]")]
    var content: [UInt8] = []
    content.reserveCapacity(count + mark.count)
    content += mark[(start % mark.count)...].prefix(count)
    // Whole marks in large pieces: what is compared must not take longer than what is tested.
    let many = [[UInt8]](repeating: mark, count: max(1, min(count, 4096) / mark.count)).flatMap { $0 }
    while content.count + many.count <= count { content += many }
    while content.count < count { content += many.prefix(count - content.count) }
    return content
  }

  /// How long a short answer is.
  static func shortLength(_ target: [UInt8]) -> Int { target.count + 2 }
  /// Longer than a stream's window and than what is copied.
  static let big = 100_000
  /// What is sent in pieces.
  static let piece = 20_000
  static let pieces = 4
}

extension Bytes {
  /// A view of what the host shows a plugin: where there is nothing, it may be nowhere.
  init(copying bytes: outrider_bytes) {
    unsafe require(
      bytes.size >= 0 && (bytes.size == 0 || bytes.data != nil),
      unsafe "a plugin is given \(bytes.size) bytes at no place")
    unsafe self.init(
      base: bytes.data.map { unsafe UnsafeRawPointer($0).assumingMemoryBound(to: UInt8.self) }, count: unsafe bytes.size
    )
  }
}

extension CopiedField {
  init(_ field: outrider_field) {
    unsafe self.init(name: Array(Bytes(copying: field.name)), value: Array(Bytes(copying: field.value)))
  }
}
