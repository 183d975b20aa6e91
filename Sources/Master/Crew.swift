import Glibc
import Platform
import Workers

/// The workers of a master: one place for each, with its process, its line and its history.
struct Crew: ~Copyable {
  private struct Place {
    var pid: pid_t = 0
    var isReady = false
    var hasRefused = false
    var hiredAt: UInt64 = 0
    /// When to start the next process here; `.max` while there is one.
    var startAt = UInt64.max
    var backoff: Backoff
  }

  /// What a worker says.
  enum Word {
    case ready
    case refused(String)
    case gone
  }

  private var places: [Place]
  private var channels: [Channel?]

  init(count: Int, backoff: UInt64) {
    places = Array(repeating: Place(backoff: Backoff(first: backoff)), count: count)
    channels = Array(repeating: nil, count: count)
  }

  var count: Int { places.count }
  var isComplete: Bool { places.allSatisfy(\.isReady) }
  var isGone: Bool { places.allSatisfy { $0.pid == 0 } }

  mutating func hire(_ index: Int, pid: pid_t, channel: Channel, now: UInt64) {
    places[index].pid = pid
    places[index].isReady = false
    places[index].hasRefused = false
    places[index].hiredAt = now
    places[index].startAt = .max
    channels[index] = channel
  }

  func index(of pid: pid_t) -> Int? { places.firstIndex { $0.pid == pid } }

  /// The next message of a worker, or nil if there is none now.
  func hear(_ index: Int) -> Word? {
    guard places.indices.contains(index), let line = channels[index] else { return nil }
    while true {
      switch line.receive() {
      case .nothing: return nil
      case .closed: return .gone
      case .message(let kind, let text, _):
        switch WorkerProcess.Message(rawValue: kind) {
        case .ready: return .ready
        case .refused: return .refused(String(decoding: text, as: UTF8.self))
        default: continue
        }
      }
    }
  }

  mutating func isReady(_ index: Int) { places[index].isReady = true }
  mutating func hasRefused(_ index: Int) { places[index].hasRefused = true }

  /// Ends the line; its descriptor if it was there still.
  mutating func hangUp(_ index: Int) -> CInt? {
    defer { channels[index] = nil }
    return channels[index]?.raw
  }

  /// The process has ended; whether it had refused to serve.
  mutating func bury(_ index: Int) -> Bool {
    places[index].pid = 0
    places[index].isReady = false
    return places[index].hasRefused
  }

  /// Plans the next start at a place; the wait in nanoseconds.
  @discardableResult
  mutating func postpone(_ index: Int, now: UInt64) -> UInt64 {
    let delay = places[index].backoff.delay(lifetime: now &- places[index].hiredAt)
    places[index].startAt = now &+ delay
    return delay
  }

  var nextStart: UInt64 { places.map(\.startAt).min() ?? .max }

  func nextDue(at now: UInt64) -> Int? { places.firstIndex { $0.startAt <= now && $0.pid == 0 } }

  func tell(_ message: WorkerProcess.Message) {
    for line in channels { line?.send(kind: message.rawValue) }
  }

  func kill() {
    for place in places where place.pid != 0 { Process.send(SIGKILL, to: place.pid) }
  }
}
