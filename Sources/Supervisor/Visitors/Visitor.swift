import Glibc
import Platform

/// A client of the supervisor itself, with all that it may cost: two bounded buffers and a deadline. Nothing here blocks.
final class Visitor {
  enum Kind: Sendable { case metrics, control }

  enum Stage: Sendable {
    /// A request comes in.
    case reading
    /// It is answered when a reload has ended.
    case waiting
    /// The answer goes out.
    case answering
    /// All is sent: the client is to close first, so that no answer is lost.
    case parting
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
  /// There is nothing more to be asked.
  var partsAfterAnswer: Bool
  /// The reload that it waits for has this number, or a later one.
  var awaitedGeneration = 0

  init(_ kind: Kind, number: UInt64, descriptor: consuming FileDescriptor, now: UInt64) {
    self.kind = kind
    self.number = number
    self.descriptor = descriptor
    deadline = now &+ kind.patience
    partsAfterAnswer = kind == .metrics
  }

  var raw: CInt { descriptor.raw }

  /// What its stage waits for.
  var interest: Epoll.Interest {
    switch stage {
    case .reading, .parting: .readable
    case .answering: .writable
    case .waiting: []
    }
  }

  enum Reading { case something, nothing, ended }

  /// Reads once, as long as there is room for more of the request; of a client that is parting, into nowhere.
  func read() -> Reading {
    let room = stage == .parting ? Kind.longestRequest : Kind.longestRequest - input.count
    guard room > 0 else { return .something }
    return unsafe withUnsafeTemporaryAllocation(byteCount: room, alignment: 1) { bytes -> Reading in
      guard let base = bytes.baseAddress else { return .nothing }
      let count = unsafe Connections.receive(descriptor.raw, base, room)
      if count < 0 { return errno == EAGAIN ? .nothing : .ended }
      if count == 0 { return .ended }
      if stage != .parting { unsafe input.append(contentsOf: bytes.prefix(count)) }
      return .something
    }
  }

  func answer(_ bytes: [UInt8]) {
    output = bytes
    sent = 0
    stage = .answering
  }

  /// Sends on; false if the client takes no more, ever.
  func write() -> Bool {
    while sent < output.count {
      let count = unsafe output.withUnsafeBytes { bytes in
        unsafe Connections.send(descriptor.raw, bytes.baseAddress! + sent, bytes.count - sent)  // not empty
      }
      if count < 0 { return errno == EAGAIN }
      sent += count
    }
    return true
  }

  var isAnswered: Bool { sent == output.count }

  /// The answer is out.
  func endAnswer() {
    output = []
    sent = 0
  }

  func part(now: UInt64) {
    Connections.shutdownWriting(raw)
    stage = .parting
    deadline = now &+ Visitor.partingTime
  }

  private static let partingTime = Clock.nanosecondsPerSecond
}

extension Visitor.Kind {
  /// The longest head of a request to the metrics listener, and the longest line of a control request.
  static let longestRequest = 8192

  /// How many there are at once; the one that has been there longest makes room.
  var most: Int { 32 }

  /// For a whole visit for metrics; between orders, and for each answer, for control.
  var patience: UInt64 {
    switch self {
    case .metrics: 10 * Clock.nanosecondsPerSecond
    case .control: 60 * Clock.nanosecondsPerSecond
    }
  }
}
