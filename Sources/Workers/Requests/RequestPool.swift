import HTTP
import Platform
import PluginHost

/// The request records of a worker: as many as there can be requests at once, made when first needed and used again.
@safe
struct RequestPool: ~Copyable {
  private let records: UnsafeMutablePointer<RequestRecord>
  private let capacity: Int
  private let limits: RequestLimits
  private let underscores: HTTP.UnderscoreFields
  private var made = 0
  private var firstFree: Int32 = -1

  init(capacity: Int, limits: RequestLimits, underscores: HTTP.UnderscoreFields) {
    self.capacity = capacity
    self.limits = limits
    self.underscores = underscores
    unsafe records = .allocate(capacity: capacity)
  }

  /// A record for a request whose first byte has come.
  @inline(__always)
  mutating func open(_ connection: Connection) -> Request? {
    guard firstFree >= 0 else { return make(connection) }
    let request = unsafe Request(address: records + Int(firstFree))
    firstFree = request.record.nextFree
    request.record.connection = connection
    return request
  }

  @inline(never)
  private mutating func make(_ connection: Connection) -> Request? {
    guard made < capacity else { return nil }
    let storage = RequestStorage(limits: limits)
    unsafe (records + made).initialize(
      to: RequestRecord(
        connection: connection, slot: Int32(made),
        parser: RequestHeadParser(limits: limits, underscores: underscores, storage: storage.fields),
        decoder: BodyDecoder(.none, limits: limits), lane: Lane(), storage: storage,
        stream: StreamRecord(limits: limits, underscores: underscores, storage: storage)))
    made += 1
    return unsafe Request(address: records + (made - 1))
  }

  @inline(__always)
  mutating func close(_ request: Request) {
    if request.isStream { request.record.stream.reset() }
    request.record.parser.reset()
    request.record.storage.reset()
    request.record.exchange = nil
    request.record.answer = AnswerFraming()
    request.record.answered = false
    request.record.continueSent = false
    request.record.isHandedOver = false
    request.record.headIsOut = false
    request.record.bodyProgress = TransferProgress()
    request.record.bodyEnded = false
    request.record.readsTrailers = false
    request.record.resumeDue = false
    request.record.drainNoticed = false
    request.record.awaitsBody = false
    request.record.drained = 0
    request.record.pendingRefusal = nil
    request.record.isRefused = false
    request.record.stream.refusedBytes = 0
    request.record.unsettled = 0
    request.record.began = 0
    request.record.isAccounted = false
    request.record.lostBytes = 0
    request.record.plugin = -1
    request.record.sentTags.clear()
    request.record.nextFree = firstFree
    firstFree = request.record.slot
  }
}
