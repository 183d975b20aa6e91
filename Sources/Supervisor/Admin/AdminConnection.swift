import Glibc
import Platform

/// A connection to the supervisor itself, with two bounded buffers and a deadline. Nothing here blocks.
final class AdminConnection {
  enum Kind: Sendable { case metrics, control }

  enum Stage: Sendable {
    /// A request is being received.
    case reading
    /// The response follows when a reload or replacement has ended.
    case waiting
    /// The response is being sent.
    case responding
    /// The response has been sent. The client closes first, so that no response is lost.
    case lingering
  }

  enum Awaited: Equatable {
    /// The end of the reload to this generation, or a later one.
    case generation(Int)
    /// The replacement of this program.
    case replacement
  }

  let kind: Kind
  let number: UInt64
  private let descriptor: FileDescriptor
  var stage = Stage.reading
  var input: [UInt8] = []
  private var output: [UInt8] = []
  private var sent = 0
  /// Monotonic nanoseconds.
  var deadline: UInt64
  /// No further request is read.
  var closesAfterResponse: Bool
  /// What a waiting connection waits for.
  var awaited: Awaited?

  init(_ kind: Kind, number: UInt64, descriptor: consuming FileDescriptor, now: UInt64) {
    self.kind = kind
    self.number = number
    self.descriptor = descriptor
    deadline = now &+ kind.timeout
    closesAfterResponse = kind == .metrics
  }

  var raw: CInt { descriptor.raw }

  /// The events that its stage needs.
  var interest: Epoll.Interest {
    switch stage {
    case .reading, .lingering: .readable
    case .responding: .writable
    case .waiting: []
    }
  }

  enum ReadResult { case data, nothing, closed }

  /// Reads once, as long as there is room for more of the request. In the lingering stage the bytes are discarded.
  func read() -> ReadResult {
    let room = stage == .lingering ? Kind.maxRequestSize : Kind.maxRequestSize - input.count
    guard room > 0 else { return .data }
    return unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { bytes -> ReadResult in
      guard let base = bytes.baseAddress else { return .nothing }
      let count = unsafe ConnectedSocket.receive(descriptor.raw, base, room)
      if count < 0 { return errno == EAGAIN ? .nothing : .closed }
      if count == 0 { return .closed }
      if stage != .lingering { unsafe input.append(contentsOf: bytes.prefix(count)) }
      return .data
    }
  }

  func wait(for event: Awaited) {
    awaited = event
    stage = .waiting
    // The awaited event has a deadline of its own.
    deadline = .max
  }

  func respond(_ bytes: [UInt8]) {
    output = bytes
    sent = 0
    stage = .responding
  }

  /// Sends what is left; false if the connection has failed.
  func write() -> Bool {
    while sent < output.count {
      let count = unsafe output.withUnsafeBytes { bytes in
        unsafe ConnectedSocket.send(descriptor.raw, bytes.baseAddress! + sent, bytes.count - sent)  // not empty
      }
      if count < 0 { return errno == EAGAIN }
      sent += count
    }
    return true
  }

  var isResponseSent: Bool { sent == output.count }

  func finishResponse() {
    output = []
    sent = 0
  }

  func startLingering(now: UInt64) {
    ConnectedSocket.shutdownWriting(raw)
    stage = .lingering
    deadline = now &+ AdminConnection.lingeringTime
  }

  private static let lingeringTime = Clock.nanosecondsPerSecond
}

extension AdminConnection.Kind {
  /// The longest head of a request to the metrics listener, and the longest line on the control socket.
  static let maxRequestSize = 8192

  /// The maximum number of connections; the oldest is closed for a new one.
  var limit: Int { 32 }

  /// For the whole connection to the metrics listener; between commands, and for each response, on the control socket.
  var timeout: UInt64 {
    switch self {
    case .metrics: 10 * Clock.nanosecondsPerSecond
    case .control: 60 * Clock.nanosecondsPerSecond
    }
  }
}
