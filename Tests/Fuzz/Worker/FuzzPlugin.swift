import COutrider
import Configuration
import HTTP
import Platform

@testable import PluginHost

/// The plugins of the fuzzed worker: one of each style, which do with a request what the first letter of its path says.
enum FuzzPlugin {
  /// On "/".
  static let event: Plugin = {
    var descriptor = unsafe outrider_plugin()
    unsafe descriptor.open = { unsafe EventPlugin.open($1, $2, $3) }
    unsafe descriptor.on_event = { unsafe EventPlugin.take($1, $2, $3) }
    unsafe descriptor.close = { _, own, _ in unsafe EventPlugin.close(own) }
    return unsafe make(0, "event", mount: "", descriptor)
  }()

  /// On "/b".
  static let blocking: Plugin = {
    var descriptor = unsafe outrider_plugin()
    unsafe descriptor.handle = { unsafe BlockingPlugin.handle($2, $3, $4) }
    return unsafe make(1, "blocking", mount: "/b", descriptor)
  }()

  private static func make(
    _ number: Int, _ name: StaticString, mount: StaticString, _ descriptor: outrider_plugin
  ) -> Plugin {
    var descriptor = unsafe descriptor
    unsafe descriptor.size = unsafe UInt32(MemoryLayout<outrider_plugin>.size)
    let plugin = unsafe Plugin(
      PluginRecord(
        descriptor: descriptor, state: nil, host: HostTable.make(), number: number, name: Bytes(name), path: "",
        mount: Bytes(mount), isPerWorker: false,
        configuration: PluginConfiguration.empty))
    unsafe plugin.record.host.pointee.implementation = unsafe UnsafeMutableRawPointer(plugin.address)
    return plugin
  }
}

/// The event style. Letters:
///
///   r responds at once   z with 204   b with a large body that it lends   h after hints   l by a post   t by a timer
///   e echoes, once all is there   s streams what comes, and the trailers   p responds to the first bytes
///   w writes as there is room   d writes a lot when the first bytes come, and ends when all has come
///   a aborts   k aborts within its answer   q likewise, when the queue is full   x refuses   y refuses after a head
///   n never answers
enum EventPlugin {
  private static var host: UnsafeMutablePointer<outrider_host> { unsafe FuzzPlugin.event.record.host }

  static func open(
    _ exchange: outrider_exchange, _ head: UnsafePointer<outrider_head>?,
    _ own: UnsafeMutablePointer<UnsafeMutableRawPointer?>?
  ) -> outrider_status {
    guard let head = unsafe head, let own = unsafe own else { return OUTRIDER_E_INVALID }
    let seen = unsafe SeenRequest(head.pointee, isBlocking: false)
    unsafe own.pointee = unsafe Unmanaged.passRetained(seen).toOpaque()
    switch seen.letter {
    case UInt8(ascii: "x"):
      giveUp(seen)
      return OUTRIDER_E_INVALID
    case UInt8(ascii: "y"):
      start(exchange)
      giveUp(seen)
      return OUTRIDER_E_INVALID
    case UInt8(ascii: "e"), UInt8(ascii: "p"), UInt8(ascii: "d"): receive(exchange)
    case UInt8(ascii: "s"):
      start(exchange, trailersFollow: true)
      receive(exchange)
    case UInt8(ascii: "a"): abort(exchange)
    case UInt8(ascii: "k"):
      start(exchange)
      send(exchange, seen, 100, more: true)
      abort(exchange)
    case UInt8(ascii: "q"):
      start(exchange)
      while send(exchange, seen, Content.piece, more: true) == OUTRIDER_OK && seen.sent < 1 << 20 {}
      abort(exchange)
    case UInt8(ascii: "h"):
      for _ in 0..<2 { hint(exchange) }
      respond(exchange, seen)
    case UInt8(ascii: "l"): unsafe answerLater(exchange, own.pointee, byTimer: false)
    case UInt8(ascii: "t"): unsafe answerLater(exchange, own.pointee, byTimer: true)
    case UInt8(ascii: "b"): respondLending(exchange, seen)
    case UInt8(ascii: "w"):
      seen.pending = Content.piece * Content.pieces
      start(exchange)
      goOn(exchange, seen)
    case UInt8(ascii: "z"): respond(exchange, seen, status: 204)
    case UInt8(ascii: "n"): break
    default: respond(exchange, seen)
    }
    return OUTRIDER_OK
  }

  /// No close() follows.
  private static func giveUp(_ seen: SeenRequest) {
    seen.isClosed = true
    unsafe Unmanaged.passUnretained(seen).release()
  }

  private static func of(_ own: UnsafeMutableRawPointer?) -> SeenRequest {
    guard let own = unsafe own else { fatalError("a call without the plugin's record") }
    return unsafe Unmanaged<SeenRequest>.fromOpaque(own).takeUnretainedValue()
  }

  static func close(_ own: UnsafeMutableRawPointer?) {
    let seen = unsafe of(own)
    require(!seen.isClosed, "closed twice")
    require(seen.leases == 0, "closed with \(seen.leases) leases")
    seen.isClosed = true
    unsafe Unmanaged.passUnretained(seen).release()
  }

  static func take(
    _ own: UnsafeMutableRawPointer?, _ exchange: outrider_exchange, _ event: UnsafePointer<outrider_event>?
  ) {
    guard let event = unsafe event else { fatalError("no event") }
    let seen = unsafe of(own)
    require(!seen.isClosed && seen.disconnect == nil, "an event after the last")
    let raw = unsafe UnsafeRawPointer(event)
    switch unsafe event.pointee.type {
    case OUTRIDER_EVENT_REQUEST: unsafe takeBody(seen, exchange, raw.load(as: outrider_body_event.self))
    case OUTRIDER_EVENT_REQUEST_TRAILERS:
      let event = unsafe raw.load(as: outrider_head_event.self)
      unsafe require(seen.hasEnd && event.n_fields > 0, "trailers before the end, or none")
      seen.trailers = unsafe (0..<event.n_fields).map { unsafe CopiedField(event.fields[$0]) }
      end(seen, exchange)
    case OUTRIDER_EVENT_RESUME: resume(seen, exchange)
    case OUTRIDER_EVENT_DISCONNECT: seen.disconnect = unsafe raw.load(as: outrider_notice_event.self).reason
    case OUTRIDER_EVENT_SENT, OUTRIDER_EVENT_DRAINING: break
    default: fatalError(unsafe "an event of type \(event.pointee.type)")
    }
  }

  private static func takeBody(_ seen: SeenRequest, _ exchange: outrider_exchange, _ event: outrider_body_event) {
    require(!seen.hasEnd, "body after its end")
    let bytes = unsafe Array(Bytes(copying: event.bytes))
    let isFirst = seen.body.isEmpty
    seen.body += bytes
    seen.hasEnd = unsafe event.more == 0
    let trailersFollow = unsafe event.flags & OUTRIDER_TRAILERS_FOLLOW != 0
    switch seen.letter {
    case UInt8(ascii: "s"):
      sendOn(seen, exchange)
      if unsafe event.more != 0 { receive(exchange) }
    case UInt8(ascii: "p"):
      respond(exchange, seen)
      return
    case UInt8(ascii: "d"):
      if isFirst {
        seen.pending = Content.piece * Content.pieces
        start(exchange)
        goOn(exchange, seen)
      }
      if unsafe event.more != 0 { receive(exchange) }
    default: if unsafe event.more != 0 { receive(exchange) }
    }
    if seen.hasEnd && !trailersFollow { end(seen, exchange) }
  }

  /// All of the request is there.
  private static func end(_ seen: SeenRequest, _ exchange: outrider_exchange) {
    seen.isComplete = true
    switch seen.letter {
    case UInt8(ascii: "e"): respond(exchange, seen, status: 200, seen.body)
    case UInt8(ascii: "s"), UInt8(ascii: "d"): sendOn(seen, exchange)
    default: break
    }
  }

  /// There is room again.
  private static func resume(_ seen: SeenRequest, _ exchange: outrider_exchange) {
    if let answer = seen.refusedAnswer {
      respond(exchange, seen, status: 200, answer)
    } else if seen.pending > 0 {
      goOn(exchange, seen)
    } else if seen.letter == UInt8(ascii: "s") || seen.letter == UInt8(ascii: "d") {
      sendOn(seen, exchange)
    }
  }

  /// What has come and was not sent back, and the end if that has come; what there is no room for waits.
  private static func sendOn(_ seen: SeenRequest, _ exchange: outrider_exchange) {
    if seen.letter == UInt8(ascii: "s") {
      let rest = Array(seen.body.dropFirst(seen.sent))
      if !rest.isEmpty && sendBody(exchange, rest, more: true) < 0 { return }
      seen.sent = seen.body.count
    }
    guard seen.isComplete, seen.pending == 0, sendBody(exchange, [], more: false) >= 0 else { return }
    if seen.letter == UInt8(ascii: "d") { return }
    unsafe withFields(seen.trailers) { fields, count in
      var event = unsafe headEvent(OUTRIDER_EVENT_TRAILERS)
      unsafe event.fields = unsafe fields
      unsafe event.n_fields = count
      unsafe send(exchange, &event)
    }
  }

  // MARK: Sending

  private static func receive(_ exchange: outrider_exchange) {
    _ = unsafe host.pointee.receive(host, exchange, 1)
  }

  @discardableResult
  private static func send<Event>(_ exchange: outrider_exchange, _ event: inout Event) -> outrider_status {
    unsafe withUnsafePointer(to: &event) {
      unsafe host.pointee.send(host, exchange, UnsafeRawPointer($0).assumingMemoryBound(to: outrider_event.self))
    }
  }

  private static func headEvent(_ type: UInt32) -> outrider_head_event {
    var event = unsafe outrider_head_event()
    unsafe event.size = unsafe UInt32(MemoryLayout<outrider_head_event>.size)
    unsafe event.type = type
    return unsafe event
  }

  private static func start(_ exchange: outrider_exchange, trailersFollow: Bool = false) {
    var event = unsafe headEvent(OUTRIDER_EVENT_START)
    unsafe event.status = 200
    unsafe event.flags = trailersFollow ? OUTRIDER_TRAILERS_FOLLOW : 0
    unsafe send(exchange, &event)
  }

  private static func hint(_ exchange: outrider_exchange) {
    unsafe withFields([CopiedField("link", Array("</a>; rel=preload".utf8))]) { fields, count in
      var event = unsafe headEvent(OUTRIDER_EVENT_INFORMATIONAL)
      unsafe event.status = 103
      unsafe event.fields = unsafe fields
      unsafe event.n_fields = count
      unsafe send(exchange, &event)
    }
  }

  private static func abort(_ exchange: outrider_exchange) {
    var event = outrider_notice_event()
    event.size = UInt32(MemoryLayout<outrider_notice_event>.size)
    event.type = OUTRIDER_EVENT_ABORT
    send(exchange, &event)
  }

  private static func respond(_ exchange: outrider_exchange, _ seen: SeenRequest, status: UInt32 = 200) {
    respond(exchange, seen, status: status, status == 204 ? [] : seen.content(Content.shortLength(seen.target)))
  }

  private static func respond(_ exchange: outrider_exchange, _ seen: SeenRequest, status: UInt32, _ body: [UInt8]) {
    unsafe withBytes(body) { bytes in
      var event = unsafe responseEvent(status, bytes)
      seen.refusedAnswer = unsafe send(exchange, &event) == OUTRIDER_E_AGAIN ? body : nil
    }
  }

  private static func responseEvent(_ status: UInt32, _ body: outrider_bytes) -> outrider_response_event {
    var event = unsafe outrider_response_event()
    unsafe event.size = unsafe UInt32(MemoryLayout<outrider_response_event>.size)
    unsafe event.type = OUTRIDER_EVENT_RESPONSE
    unsafe event.status = status
    unsafe event.body = unsafe body
    return unsafe event
  }

  /// The worker gets memory of its own choice of time: freed as soon as it gives that back.
  private static func respondLending(_ exchange: outrider_exchange, _ seen: SeenRequest) {
    let lease = BodyLease(seen, seen.content(Content.big))
    var event = unsafe responseEvent(200, lease.bytes)
    unsafe event.context = unsafe Unmanaged.passRetained(lease).toOpaque()
    unsafe event.release = { context in
      guard let context = unsafe context else { fatalError("a release without its context") }
      unsafe Unmanaged<BodyLease>.fromOpaque(context).takeRetainedValue().end()
    }
    if unsafe send(exchange, &event) < 0 { lease.takeBack() }
  }

  private static func sendBody(_ exchange: outrider_exchange, _ body: [UInt8], more: Bool) -> outrider_status {
    unsafe withBytes(body) { bytes in
      var event = unsafe bodyEvent(bytes, more: more)
      return unsafe send(exchange, &event)
    }
  }

  private static func bodyEvent(_ bytes: outrider_bytes, more: Bool) -> outrider_body_event {
    var event = unsafe outrider_body_event()
    unsafe event.size = unsafe UInt32(MemoryLayout<outrider_body_event>.size)
    unsafe event.type = OUTRIDER_EVENT_BODY
    unsafe event.bytes = unsafe bytes
    unsafe event.more = more ? 1 : 0
    return unsafe event
  }

  /// The next bytes of the content.
  @discardableResult
  private static func send(
    _ exchange: outrider_exchange, _ seen: SeenRequest, _ count: Int, more: Bool
  ) -> outrider_status {
    unsafe withBytes(seen.content(count, from: seen.sent)) { bytes in
      var event = unsafe bodyEvent(bytes, more: more)
      let status = unsafe send(exchange, &event)
      if status >= 0 { seen.sent += count }
      return status
    }
  }

  /// Pieces, as far as there is room.
  private static func goOn(_ exchange: outrider_exchange, _ seen: SeenRequest) {
    while seen.pending > 0 {
      let count = min(seen.pending, Content.piece)
      let isLast = count == seen.pending && (seen.letter != UInt8(ascii: "d") || seen.hasEnd)
      let status = send(exchange, seen, count, more: !isLast)
      if status < 0 { return }
      seen.pending -= count
      if status == OUTRIDER_PAUSE { return }
    }
  }

  private static func answerLater(
    _ exchange: outrider_exchange, _ own: UnsafeMutableRawPointer?, byTimer: Bool
  ) {
    let host = unsafe host
    let context = unsafe Unmanaged.passRetained(LaterCall(exchange, of(own))).toOpaque()
    if byTimer {
      _ = unsafe host.pointee.after(host, exchange, 1000, runLater, context, nil)
    } else {
      _ = unsafe host.pointee.post(host, exchange, runLater, context)
    }
  }

  private static let runLater: @convention(c) (UnsafeMutableRawPointer?, outrider_status) -> Void = { context, why in
    guard let context = unsafe context else { fatalError("a call without its context") }
    let call = unsafe Unmanaged<LaterCall>.fromOpaque(context).takeRetainedValue()
    require(!call.seen.isClosed, "a call after close()")
    if why == OUTRIDER_OK { respond(call.exchange, call.seen) }
  }

  // MARK: Arguments

  private static func withBytes<Result>(_ bytes: [UInt8], _ use: (outrider_bytes) -> Result) -> Result {
    unsafe bytes.withUnsafeBytes {
      unsafe use(outrider_bytes(data: $0.baseAddress?.assumingMemoryBound(to: CChar.self), size: $0.count))
    }
  }

  static func withFields(_ fields: [CopiedField], _ use: (UnsafePointer<outrider_field>?, Int) -> Void) {
    var all: [outrider_field] = unsafe []
    func add(_ rest: ArraySlice<CopiedField>) {
      guard let field = rest.first else {
        unsafe all.withUnsafeBufferPointer { unsafe use($0.baseAddress, $0.count) }
        return
      }
      unsafe withBytes(field.name) { name in
        unsafe withBytes(field.value) { value in
          unsafe all.append(outrider_field(name: name, value: value))
          add(rest.dropFirst())
        }
      }
    }
    add(fields[...])
  }
}

private final class LaterCall {
  let exchange: outrider_exchange
  let seen: SeenRequest

  init(_ exchange: outrider_exchange, _ seen: SeenRequest) {
    self.exchange = exchange
    self.seen = seen
  }
}

/// Memory that the worker has for a while.
@safe
private final class BodyLease {
  private let seen: SeenRequest
  private let memory: UnsafeMutablePointer<UInt8>
  private let count: Int

  init(_ seen: SeenRequest, _ content: [UInt8]) {
    self.seen = seen
    count = content.count
    unsafe memory = .allocate(capacity: count)
    unsafe memory.update(from: content, count: count)
    seen.leases += 1
  }

  deinit { unsafe memory.deallocate() }

  var bytes: outrider_bytes {
    unsafe outrider_bytes(data: UnsafeRawPointer(memory).assumingMemoryBound(to: CChar.self), size: count)
  }

  func end() {
    require(seen.leases == 1 && !seen.isClosed, "released twice, or after close()")
    seen.leases -= 1
  }

  /// It was not taken.
  func takeBack() {
    seen.leases -= 1
    unsafe Unmanaged.passUnretained(self).release()
  }
}
