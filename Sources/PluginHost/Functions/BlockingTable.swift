import COutrider
import HTTP

/// `outrider_io`: the functions of the blocking style, one table for all exchanges of the process.
package enum BlockingTable {
  nonisolated(unsafe) package static let shared: UnsafeMutablePointer<outrider_io> = {
    // Made once and never changed.
    let table = UnsafeMutablePointer<outrider_io>.allocate(capacity: 1)
    unsafe table.initialize(
      to: outrider_io(
        size: UInt32(MemoryLayout<outrider_io>.size), reserved: 0, implementation: nil,
        read: { _, exchange, buffer, capacity, got in
          guard let buffer = unsafe buffer, let got = unsafe got, capacity > 0 else {
            return call("read", exchange) {
              $0.refuse(.invalid, because: "buffer or got is NULL, or capacity is 0")
            }
          }
          // If a limit is exceeded here, the client is the cause.
          return call("read", exchange, blames: false) { unsafe BlockingTable.read($0, buffer, capacity, got) }
        },
        request_trailers: { _, exchange, fields, count in
          call("request_trailers", exchange) { unsafe requestTrailers($0, fields, count) }
        },
        informational: { _, exchange, status, fields, count in
          call("informational", exchange) { unsafe ResponseWriter.informational($0, status, fields, count) }
        },
        respond: { _, exchange, status, fields, count, body in
          call("respond", exchange) { unsafe respond($0, status, fields, count, body) }
        },
        start: { _, exchange, status, fields, count in
          call("start", exchange) { unsafe ResponseWriter.head($0, status, fields, count, whole: nil) }
        },
        write: { _, exchange, chunks, count in
          call("write", exchange) { unsafe write($0, chunks, count) }
        },
        sendfile: { _, exchange, file, offset, length in
          call("sendfile", exchange) {
            let part = FilePart(descriptor: file, offset: offset, length: length, lease: .call, tag: 0)
            return ResponseWriter.file($0, part, ends: false)
          }
        },
        trailers: { _, exchange, fields, count in
          call("trailers", exchange) { unsafe ResponseWriter.trailers($0, fields, count) }
        }))
    return unsafe table
  }()

  /// Finds the exchange, checks that the caller is the thread inside its handle(), and records misuse.
  ///
  /// - Parameter blames: whether a refusal by `body` can be the plugin's fault.
  @inline(__always)
  private static func call(
    _ name: StaticString, _ handle: outrider_exchange, blames: Bool = true, _ body: (Exchange) -> CallStatus
  ) -> outrider_status {
    guard let runtime = Runtime.current else { return CallStatus.wrongState.rawValue }
    guard let exchange = runtime.record.exchanges.find(handle) else { return CallStatus.closed.rawValue }
    let outcome: CallStatus
    var isFault = true
    if exchange.isInHandler {
      outcome = body(exchange)
      isFault = blames
    } else {
      let isAnybodys = exchange.record.handler.load(ordering: .acquiring) != 0 || !exchange.record.isBlocking
      outcome = isAnybodys ? .wrongThread : .closed
    }
    if outcome.isMisuse && isFault {
      runtime.record.misuse.note(name, outcome, plugin: exchange.record.plugin, exchange: handle)
    }
    return outcome.rawValue
  }

  private static func read(
    _ exchange: Exchange, _ buffer: UnsafeMutableRawPointer, _ capacity: Int, _ got: UnsafeMutablePointer<Int>
  ) -> CallStatus {
    unsafe got.pointee = 0
    if exchange.record.bodyDelivered.load(ordering: .relaxed) { return .ok }
    return unsafe CallStatus(
      transport: exchange.record.transport.pointee.read(exchange.raw, buffer, capacity, got))
  }

  private static func requestTrailers(
    _ exchange: Exchange, _ fields: UnsafeMutablePointer<UnsafePointer<outrider_field>?>?,
    _ count: UnsafeMutablePointer<Int>?
  ) -> CallStatus {
    guard let fields = unsafe fields, let count = unsafe count else {
      return exchange.refuse(.invalid, because: "fields or count is NULL")
    }
    guard exchange.record.bodyDelivered.load(ordering: .relaxed) else {
      return exchange.refuse(.wrongState, because: "the body has not been read to its end")
    }
    unsafe fields.pointee = exchange.record.requestTrailers.abi
    unsafe count.pointee = exchange.record.requestTrailers.count
    return .ok
  }

  private static func respond(
    _ exchange: Exchange, _ status: UInt32, _ fields: UnsafePointer<outrider_field>?, _ count: Int,
    _ body: outrider_bytes
  ) -> CallStatus {
    guard unsafe Bytes(body).isWellFormed else {
      return exchange.refuse(.invalid, because: "body is NULL, or its size is negative")
    }
    return unsafe withUnsafePointer(to: body) { chunk in
      let part = unsafe BodyPart(chunks: chunk, count: 1, total: Int(body.size), lease: .call, tag: 0)
      return unsafe ResponseWriter.head(exchange, status, fields, count, whole: part)
    }
  }

  private static func write(
    _ exchange: Exchange, _ chunks: UnsafePointer<outrider_bytes>?, _ count: Int
  ) -> CallStatus {
    guard let chunks = unsafe chunks, count > 0, count <= 1024 else {
      return exchange.refuse(.invalid, because: "chunks is NULL, or their number \(count) is not 1 to 1024")
    }
    var total = 0
    for index in 0..<count {
      let bytes = unsafe Bytes(chunks[index])
      guard bytes.isWellFormed else {
        return exchange.refuse(.invalid, because: "chunk \(index) is NULL, or its size is negative")
      }
      let (sum, overflowed) = total.addingReportingOverflow(bytes.count)
      guard !overflowed else { return .invalid }
      total = sum
    }
    let part = unsafe BodyPart(chunks: chunks, count: count, total: total, lease: .call, tag: 0)
    return ResponseWriter.body(exchange, part, ends: false)
  }
}
