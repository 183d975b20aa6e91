/// A client that speaks HTTP/1 on one connection.
struct HTTP1Client: ~Copyable {
  let connection: CheckConnection
  /// What has come and is of no answer that has been returned.
  private var input: [UInt8] = []
  /// The server has said that it closes the connection.
  private(set) var isClosing = false

  init(port: UInt16) throws(CheckError) { connection = try CheckConnection(port: port) }

  /// The next answer.
  ///
  /// - Parameter slowly: its first bytes are read one at a time.
  mutating func answer(isToHead: Bool = false, slowly: Bool = false) throws(CheckError) -> ClientOutcome {
    let deadline = CheckWait.deadline
    var isEnded = false
    while true {
      switch HTTP1Answer.read(input, isToHead: isToHead, isEnded: isEnded) {
      case .complete(let answer, let size):
        input.removeFirst(size)
        isClosing = answer.closes
        return .answered(status: answer.status)
      case .malformed: return .malformed
      case .incomplete: if isEnded { return input.isEmpty ? .none : .cut }
      }
      switch try connection.receive(atMost: slowly && input.count < 512 ? 1 : 65_536, by: deadline) {
      case .bytes(let bytes): input += bytes
      case .end: isEnded = true
      case .late:
        // It has gone, and does not merely wait in silence.
        connection.resetWhenClosed()
        return .late
      }
    }
  }

  /// Waits for the first byte of an answer; false if none comes.
  mutating func waitForFirstByte() throws(CheckError) -> Bool {
    guard case .bytes(let bytes) = try connection.receive(atMost: 1, by: CheckWait.deadline) else { return false }
    input += bytes
    return true
  }
}
