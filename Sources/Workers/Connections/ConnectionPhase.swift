/// The phase of a connection's life.
///
/// The principle: `next(after:)` is all there is of the order of phases. It is pure, and total: an event that can't come in a
/// phase has no next one, and a new phase does not compile until each function over phases says what it means there. What
/// is done in a phase is in `Connections`: `ConnectionDriver.pump` calls the step of each phase.
///
/// ```
/// accepted ─▶ proxyHeader ─▶ handshake ─▶ idle ─▶ head ─▶ exchange ─▶ sending ─▶ discarding ─▶ idle …
///                                          └─▶ http2       │ ▲ └─▶ upgraded
///                                                          ▼ │
///                                                     ownedByThread           any ─▶ closing ─▶ lingering ─▶ free
/// ```
enum ConnectionPhase: UInt8, CaseIterable {
  /// In the pool of free records.
  case free
  /// Waits for the PROXY header.
  case proxyHeader
  /// The TLS handshake is in progress.
  case handshake
  /// Between requests.
  case idle
  /// A request head is arriving.
  case head
  /// The connection speaks HTTP/2: requests are its streams.
  case http2
  /// A plugin serves the request.
  case exchange
  /// A thread of the pool owns the connection until the response is complete: the loop does not access the record.
  case ownedByThread
  /// The response is complete, and the client has not yet read all of it.
  case sending
  /// The response has been sent; the rest of the request's body is discarded.
  case discarding
  /// The connection has switched to another protocol by Upgrade (RFC 9110 section 7.8): its bytes belong to the plugin.
  case upgraded
  /// The last response is being sent; then the connection closes.
  case closing
  /// The client's last bytes are discarded, so that no reset overtakes the response; our side has ended, or will soon.
  case lingering
}

/// An event that moves a connection from phase to phase.
enum ConnectionEvent {
  case accepted
  /// The listener requires a PROXY header.
  case proxyHeaderAwaited
  case proxyHeaderRead
  case handshakeBegan
  case handshakeDone
  /// The client speaks HTTP/2, by ALPN or by its preface.
  case http2Chosen
  case headBegan
  case headComplete
  /// The connection is handed off to a thread.
  case handedOff
  /// The thread has returned the connection.
  case returned
  /// The response is complete, and much of it has not been sent.
  case responseQueued
  /// The response has been sent, and the request's body is incomplete.
  case bodyLeft
  /// The request has ended, and the connection is kept.
  case requestOver
  /// The response to the request is 101 (Switching Protocols).
  case protocolSwitched
  /// The last response is queued.
  case lastQueued
  /// All output has been sent, and our side has ended.
  case sideEnded
  case closed
}

extension ConnectionEvent {
  /// The phase that it leads to.
  @inline(__always)
  var phase: ConnectionPhase {
    switch self {
    case .accepted, .proxyHeaderRead, .handshakeDone, .requestOver: .idle
    case .proxyHeaderAwaited: .proxyHeader
    case .handshakeBegan: .handshake
    case .http2Chosen: .http2
    case .headBegan: .head
    case .headComplete, .returned: .exchange
    case .handedOff: .ownedByThread
    case .responseQueued: .sending
    case .bodyLeft: .discarding
    case .protocolSwitched: .upgraded
    case .lastQueued: .closing
    case .sideEnded: .lingering
    case .closed: .free
    }
  }
}

extension ConnectionPhase {
  /// Whether `event` can come in this phase.
  func allows(_ event: ConnectionEvent) -> Bool {
    switch event {
    case .accepted: self == .free
    case .proxyHeaderAwaited, .headBegan: self == .idle
    case .proxyHeaderRead: self == .proxyHeader
    case .handshakeBegan: self == .idle || self == .proxyHeader
    case .handshakeDone: self == .handshake
    case .http2Chosen, .headComplete: self == .idle || self == .head
    case .handedOff, .responseQueued, .protocolSwitched: self == .exchange
    case .returned: self == .ownedByThread
    case .bodyLeft: self == .exchange || self == .sending
    case .requestOver: self == .exchange || self == .sending || self == .discarding
    case .lastQueued: isOnLoop && self != .lingering
    case .sideEnded: self == .closing
    case .closed: self != .free
    }
  }

  /// The phase after `event`; nil if that can't come in this one.
  func next(after event: ConnectionEvent) -> ConnectionPhase? { allows(event) ? event.phase : nil }

  /// The loop owns the connection.
  @inline(__always)
  var isOnLoop: Bool { self != .free && self != .ownedByThread }
}

extension Connection {
  /// Moves to the phase after `event`. A debug build checks that the event can occur in this phase.
  @inline(__always)
  func move(_ event: ConnectionEvent) {
    assert(record.phase.allows(event), "\(event) in \(record.phase)")
    record.phase = event.phase
  }
}
