import COutrider
import HTTP

/// The blocking style. Letters:
///
///   r responds at once   b with a large body   e echoes, once all is there   p responds when the first bytes are there
///   i reads until it is refused, three times, and responds all the same
///   s writes pieces   k returns a fault within its answer   x does so before it   o: without one
enum BlockingPlugin {
  static func handle(
    _ exchange: outrider_exchange, _ head: UnsafePointer<outrider_head>?, _ io: UnsafePointer<outrider_io>?
  ) -> outrider_status {
    guard let head = unsafe head, let io = unsafe io else { return OUTRIDER_E_INVALID }
    let seen = unsafe SeenRequest(head.pointee, isBlocking: true)
    defer { seen.isClosed = true }
    switch seen.letter {
    case UInt8(ascii: "e"):
      guard unsafe read(exchange, io, seen) else { return OUTRIDER_E_INVALID }
      return unsafe respond(exchange, io, seen.body)
    case UInt8(ascii: "p"):
      guard unsafe readOnce(exchange, io, seen, 10) else { return OUTRIDER_E_INVALID }
    case UInt8(ascii: "i"):
      if unsafe !read(exchange, io, seen) { for _ in 0..<3 where unsafe readOnce(exchange, io, seen, 1000) {} }
    case UInt8(ascii: "b"): return unsafe respond(exchange, io, seen.content(Content.big))
    case UInt8(ascii: "s"), UInt8(ascii: "k"):
      _ = unsafe io.pointee.start(io, exchange, 200, nil, 0)
      for index in 0..<Content.pieces {
        let status = unsafe write(exchange, io, seen.content(Content.piece, from: index * Content.piece))
        if status < 0 { return status }
      }
      if seen.letter == UInt8(ascii: "k") { return OUTRIDER_E_INVALID }
    case UInt8(ascii: "x"): return OUTRIDER_E_INVALID
    case UInt8(ascii: "o"): return OUTRIDER_OK
    default: break
    }
    if seen.letter == UInt8(ascii: "s") { return OUTRIDER_OK }
    return unsafe respond(exchange, io, seen.content(Content.shortLength(seen.target)))
  }

  /// The whole body; false if it is refused.
  private static func read(
    _ exchange: outrider_exchange, _ io: UnsafePointer<outrider_io>, _ seen: SeenRequest
  ) -> Bool {
    while !seen.hasEnd {
      guard unsafe readOnce(exchange, io, seen, 1000) else { return false }
    }
    var fields: UnsafePointer<outrider_field>?
    var count = 0
    if unsafe io.pointee.request_trailers(io, exchange, &fields, &count) == OUTRIDER_OK, count > 0,
      let fields = unsafe fields
    {
      seen.trailers = (0..<count).map { unsafe CopiedField(fields[$0]) }
    }
    return true
  }

  private static func readOnce(
    _ exchange: outrider_exchange, _ io: UnsafePointer<outrider_io>, _ seen: SeenRequest, _ capacity: Int
  ) -> Bool {
    unsafe withUnsafeTemporaryAllocation(byteCount: capacity, alignment: 1) { buffer in
      var got = 0
      let status = unsafe io.pointee.read(io, exchange, buffer.baseAddress, capacity, &got)
      if status < 0 { return false }
      require(got >= 0 && got <= capacity, "\(got) bytes read into \(capacity)")
      unsafe seen.body += buffer[..<got]
      seen.hasEnd = got == 0
      return true
    }
  }

  private static func respond(
    _ exchange: outrider_exchange, _ io: UnsafePointer<outrider_io>, _ body: [UInt8]
  ) -> outrider_status {
    unsafe body.withUnsafeBytes {
      unsafe io.pointee.respond(
        io, exchange, 200, nil, 0,
        outrider_bytes(data: $0.baseAddress?.assumingMemoryBound(to: CChar.self), size: $0.count))
    }
  }

  private static func write(
    _ exchange: outrider_exchange, _ io: UnsafePointer<outrider_io>, _ body: [UInt8]
  ) -> outrider_status {
    unsafe body.withUnsafeBytes {
      var chunk = unsafe outrider_bytes(data: $0.baseAddress?.assumingMemoryBound(to: CChar.self), size: $0.count)
      return unsafe io.pointee.write(io, exchange, &chunk, 1)
    }
  }
}
