import HTTP
import Memory
import Platform
import PluginHost

/// The request records of a worker: as many as the maximum number of requests, made when needed and reused. Records
/// that a burst has needed are freed after a while without use.
@safe
struct RequestPool: ~Copyable {
  /// The number of free records that are always kept.
  private static let kept = 64

  private let capacity: Int
  private let limits: RequestLimits
  private let underscores: HTTP.UnderscoreFields
  private var firstFree: Request?
  /// How many records exist, in use or free.
  private var made = 0
  /// How many were free at the last `trim`.
  private var formerlyFree = 0
  /// Some records have the ring buffer of a body.
  private var hasRings = false
  /// How many slot numbers have been assigned, and those that are free again.
  private var numbered = 0
  private var freeNumbers: [Int32] = []

  init(capacity: Int, limits: RequestLimits, underscores: HTTP.UnderscoreFields) {
    self.capacity = capacity
    self.limits = limits
    self.underscores = underscores
  }

  /// A record for a request whose first byte has come.
  @inline(__always)
  mutating func open(_ connection: Connection) -> Request? {
    guard let request = firstFree else { return make(connection) }
    if HostileMemory.isOn, let fresh = make(connection) { return fresh }
    firstFree = request.record.nextFree
    request.record.connection = connection
    return request
  }

  @inline(never)
  private mutating func make(_ connection: Connection) -> Request? {
    let number: Int32
    if let free = freeNumbers.popLast() {
      number = free
    } else {
      guard numbered < capacity else { return nil }
      number = Int32(numbered)
      numbered += 1
    }
    made += 1
    let storage = RequestStorage(limits: limits)
    return unsafe Request(
      RequestRecord(
        connection: connection, slot: number,
        parser: RequestHeadParser(limits: limits, underscores: underscores, storage: storage.fields),
        decoder: BodyDecoder(.none, limits: limits), pipe: ResponsePipe(), storage: storage,
        stream: StreamRecord(limits: limits, underscores: underscores, storage: storage)))
  }

  @inline(never)
  private func removeMarks(_ request: Request) {
    request.record.stream.progress = TransferProgress()
    request.record.isSending.store(false, ordering: .relaxed)
    request.record.hasMarks = false
    guard request.record.hasSpool.load(ordering: .relaxed) else { return }
    request.record.pipe.spool = nil
    request.record.hasSpool.store(false, ordering: .relaxed)
  }

  /// The request has ended: views of its head, trailers and path become invalid.
  @inline(__always)
  mutating func close(_ request: Request) {
    if request.record.hasMarks { removeMarks(request) }
    request.record.parser.reset()
    request.record.storage.reset()
    request.record.exchange = nil
    request.record.framer = ResponseFramer()
    request.record.plugin = -1
    request.record.bodyProgress = TransferProgress()
    request.record.unsettled = 0
    request.record.began = 0
    request.record.lostBytes = 0
    request.record.responseEnded = false
    request.record.continueSent = false
    request.record.isHandedOff = false
    request.record.headIsOut = false
    request.record.bodyEnded = false
    request.record.resumeDue = false
    request.record.drainNoticed = false
    request.record.awaitsBody = false
    request.record.isRefused = false
    request.record.isAccounted = false
    request.record.outcome = .complete
    request.record.pendingRefusal = nil
    request.record.stream.refusedBytes = 0
    request.record.sentTags.clear()
    request.record.nextFree = firstFree
    firstFree = request
  }

  // MARK: Freeing memory

  /// Notes that a record got the ring buffer of a body.
  mutating func noteRing() { hasRings = true }

  /// There may be memory to free.
  var hasExcess: Bool { made > RequestPool.kept || hasRings || HostileMemory.isOn && firstFree != nil }

  /// Frees the records that were free at the last call and are free now, beyond those that are always kept. Also frees
  /// the large memory of free records.
  ///
  /// - Parameter isHeld: whether a record is still referenced, and therefore stays.
  /// - Returns: how many were freed.
  mutating func trim(unless isHeld: (Request) -> Bool) -> Int {
    let freeCount = countFree()
    var excess = HostileMemory.isOn ? freeCount : min(formerlyFree, freeCount) - RequestPool.kept
    var kept: Request?
    var freed = 0
    while excess > 0, let request = firstFree {
      excess -= 1
      firstFree = request.record.nextFree
      if isHeld(request) {
        request.record.nextFree = kept
        kept = request
      } else {
        freeNumbers.append(request.record.slot)
        request.record.storage.deallocate()
        request.record.pipe.body.free()
        request.destroy()
        freed += 1
      }
    }
    while let request = kept {
      kept = request.record.nextFree
      request.record.nextFree = firstFree
      firstFree = request
    }
    made -= freed
    formerlyFree = freeCount - freed
    freeRings()
    return freed
  }
}

extension RequestPool {
  private func countFree() -> Int {
    var count = 0
    var next = firstFree
    while let request = next {
      count += 1
      next = request.record.nextFree
    }
    return count
  }

  private mutating func freeRings() {
    var next = hasRings ? firstFree : nil
    while let request = next {
      request.record.pipe.body.free()
      next = request.record.nextFree
    }
    // Records in use are checked when they are free.
    hasRings = hasRings && made > formerlyFree
  }
}
