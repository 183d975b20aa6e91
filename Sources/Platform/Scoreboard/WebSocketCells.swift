import Synchronization

/// The counters of a worker's WebSockets. Any thread of the worker adds to them.
@safe
package struct WebSocketCells {
  package enum Count: Int, CaseIterable, Sendable {
    case opened
    case messagesReceived, messagesSent
    /// Bytes of messages, without frames and before compression.
    case bytesReceived, bytesSent
    /// Pings that clients did not answer in time.
    case pingsMissed
  }

  /// The close codes that are counted separately; all others are counted together, behind these.
  package static let codes: [UInt32] = [
    1000, 1001, 1002, 1003, 1005, 1006, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014,
  ]
  /// The index of the code that stands for an end without a Close.
  private static let abnormal = 5

  package static let words = 24
  private static let firstClose = Count.allCases.count
  private static let closes = codes.count + 1

  private let base: UnsafeMutablePointer<Atomic<UInt64>>

  init(_ base: UnsafeMutablePointer<Atomic<UInt64>>) {
    precondition(Self.firstClose + Self.closes <= Self.words)
    unsafe self.base = base
  }

  /// [any-thread]
  package func add(_ count: Count, _ amount: UInt64 = 1) {
    unsafe base[count.rawValue].wrappingAdd(amount, ordering: .relaxed)
  }

  /// [any-thread] Counts a WebSocket that has ended with a close code, 1006 if there was no Close.
  package func addClose(_ code: UInt32) {
    let index = Self.codes.firstIndex(of: code) ?? Self.codes.count
    unsafe base[Self.firstClose + index].wrappingAdd(1, ordering: .relaxed)
  }

  /// The number of WebSockets that are open, from counters that a reader does not trust.
  package var open: UInt64 {
    var ended: UInt64 = 0
    for index in 0..<Self.closes { ended &+= self[Self.firstClose + index] }
    let opened = self[Count.opened.rawValue]
    return opened > ended ? opened - ended : 0
  }

  /// What the log says of the WebSockets that have ended with their worker; nil if there were none.
  package var lostText: String? {
    let lost = open
    guard lost > 0 && lost < 1 << 32 else { return nil }
    return "lost with it: \(lost) WebSocket\(lost == 1 ? "" : "s")"
  }

  /// [master] The WebSockets that are open have ended with their worker.
  func closeAll() {
    let lost = open
    if lost > 0 { unsafe base[Self.firstClose + Self.abnormal].wrappingAdd(lost, ordering: .relaxed) }
  }

  /// A word, from 0 to `words`: first those of `Count`, then the closes by `codes`.
  package subscript(_ word: Int) -> UInt64 {
    precondition(word >= 0 && word < Self.words)
    return unsafe base[word].load(ordering: .relaxed)
  }

  package static func word(of count: Count) -> Int { count.rawValue }

  /// - Parameter index: that of a code in `codes`, or their number for all others.
  package static func word(ofClose index: Int) -> Int { firstClose + index }

  /// The word of WebSockets that ended without a Close.
  package static var lostWord: Int { firstClose + abnormal }
}
