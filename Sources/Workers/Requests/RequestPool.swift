import HTTP
import Platform
import PluginHost

/// The request records of a worker: as many as there can be requests at once, made when needed and used again. What a
/// burst has left behind is given back when it has not been needed for a while.
@safe
struct RequestPool: ~Copyable {
  /// So many records are always kept for the next requests.
  private static let kept = 64

  private let capacity: Int
  private let limits: RequestLimits
  private let underscores: HTTP.UnderscoreFields
  private var firstFree: Request?
  /// How many there are, in use or not.
  private var made = 0
  /// So many were free at the last `trim`.
  private var formerlyFree = 0
  /// Some have the ring of a body's bytes.
  private var hasRings = false
  /// How many numbers have been given to records, and those that no record has any more.
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
    let address = UnsafeMutablePointer<RequestRecord>.allocate(capacity: 1)
    unsafe address.initialize(
      to: RequestRecord(
        connection: connection, slot: number,
        parser: RequestHeadParser(limits: limits, underscores: underscores, storage: storage.fields),
        decoder: BodyDecoder(.none, limits: limits), lane: Lane(), storage: storage,
        stream: StreamRecord(limits: limits, underscores: underscores, storage: storage)))
    return unsafe Request(address: address)
  }

  @inline(never)
  private func dropSpool(_ request: Request) {
    request.record.lane.spool = nil
    request.record.hasSpool = false
  }

  /// The request has ended: every view of its head, trailers and path ends here.
  @inline(__always)
  mutating func close(_ request: Request) {
    if request.isStream {
      request.record.stream.reset()
    } else if request.record.stream.progress.windowStart != 0 {
      request.record.stream.progress = TransferProgress()
    }
    request.record.parser.reset()
    request.record.storage.reset()
    request.record.exchange = nil
    request.record.answer = AnswerFraming()
    request.record.plugin = -1
    request.record.bodyProgress = TransferProgress()
    request.record.drained = 0
    request.record.unsettled = 0
    request.record.began = 0
    request.record.lostBytes = 0
    request.record.answered = false
    request.record.continueSent = false
    request.record.isHandedOver = false
    request.record.headIsOut = false
    request.record.bodyEnded = false
    request.record.resumeDue = false
    request.record.drainNoticed = false
    request.record.awaitsBody = false
    request.record.isRefused = false
    request.record.isAccounted = false
    request.record.outcome = .complete
    request.record.isSending.store(false, ordering: .relaxed)
    if request.record.hasSpool { dropSpool(request) }
    request.record.pendingRefusal = nil
    request.record.stream.refusedBytes = 0
    request.record.sentTags.clear()
    request.record.nextFree = firstFree
    firstFree = request
  }

  // MARK: Giving back

  /// The ring of a body's bytes was made for a record.
  mutating func noteRing() { hasRings = true }

  /// There may be something to give back.
  var hasExcess: Bool { made > RequestPool.kept || hasRings || HostileMemory.isOn && firstFree != nil }

  /// Frees as many records as were free at the last call and are now, beyond those that are always kept, and what is large
  /// of those.
  ///
  /// - Parameter isHeld: whether somebody has a record still, which then stays.
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
      request.record.lane.body.free()
      next = request.record.nextFree
    }
    // Those in use are looked at when they are free.
    hasRings = hasRings && made > formerlyFree
  }
}

extension Request {
  /// Nobody has the record any more.
  fileprivate func destroy() {
    record.storage.deallocate()
    record.lane.body.free()
    unsafe address.deinitialize(count: 1)
    unsafe HostileMemory.free(raw, count: MemoryLayout<RequestRecord>.stride)
  }
}
