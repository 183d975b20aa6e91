import HTTP

/// A stream's record: readers and their memory, used again for the next stream as a worker does it.
@safe
final class HeadRecord {
  let storage: UnsafeMutablePointer<Field>
  let trailerStorage: UnsafeMutablePointer<Field>
  var reader: StreamHeadReader
  var trailers: StreamTrailerReader
  var id: Int32 = 0
  /// What the session has handed on.
  var given: [CopiedField] = []
  var givenTrailers: [CopiedField] = []
  var outcome: HeadOutcome?
  var trailerOutcome: TrailerOutcome?
  var inputEnded = false
  var hasAnswer = false
  var isClosed = false

  init(_ rules: HeadRules) {
    unsafe storage = .allocate(capacity: rules.limits.fields + 1)
    unsafe trailerStorage = .allocate(capacity: rules.limits.fields)
    reader = unsafe StreamHeadReader(limits: rules.limits, underscores: rules.underscores, storage: storage)
    trailers = StreamTrailerReader(limits: rules.limits, underscores: rules.underscores)
  }

  deinit {
    unsafe storage.deallocate()
    unsafe trailerStorage.deallocate()
  }

  func begin(_ id: Int32) {
    self.id = id
    given = []
    givenTrailers = []
    outcome = nil
    trailerOutcome = nil
    inputEnded = false
    hasAnswer = false
    isClosed = false
  }

  func end() {
    reader.reset()
    trailers.reset()
  }

  // MARK: The readers

  func finish(ends: Bool) {
    if let refusal = reader.finish(ends: ends) { outcome = .refused(refusal) } else { outcome = head }
  }

  func finishTrailers() {
    let refusal = unsafe trailers.finish(trailerStorage)
    trailerOutcome = refusal.map { .refused($0) } ?? trailerFields
  }

  private var head: HeadOutcome { .head(CopiedHead(reader.head), hasPriority: reader.hasPriority) }

  private var trailerFields: TrailerOutcome { .fields(CopiedField.all(trailers.fields)) }

  /// What was read is there still, whatever has been read for others since.
  func lookAgain() {
    if let outcome, case .head = outcome { require(head == outcome, "stream \(id): \(head), before \(outcome)") }
    if let trailerOutcome, case .fields = trailerOutcome {
      require(trailerFields == trailerOutcome, "stream \(id): trailers \(trailerFields), before \(trailerOutcome)")
    }
  }

  static func of(_ raw: UnsafeMutableRawPointer) -> HeadRecord {
    unsafe Unmanaged<HeadRecord>.fromOpaque(raw).takeUnretainedValue()
  }
}

/// The server's side of a connection: a session and its driver, and what has to come of what the client sends.
final class HeadsServer {
  private let rules: HeadRules
  private var session: HTTP2Session?
  /// Records of streams that are not over, and those that are free, of which the last is used first.
  private var records: [HeadRecord] = []
  private var free: [HeadRecord] = []
  private(set) var fault: Refusal?

  init(_ rules: HeadRules) {
    self.rules = rules
    session = unsafe HTTP2Session(
      rules.settings, delegate: HeadsServer.table, connection: Unmanaged.passUnretained(self).toOpaque(),
      memory: SessionMemory())
  }

  func isOpen(_ id: Int32) -> Bool { records.contains { $0.id == id && !$0.isClosed && !$0.inputEnded } }

  /// The session has no stream any more, and its records are nobody's.
  func leave() {
    session = nil
    records = []
    free = []
  }

  // MARK: Input

  func receive(_ bytes: [UInt8], _ arrival: Arrival) {
    bytes.withView { view in
      var memory = ArrivingBytes(view)
      var start = 0
      for count in arrival.counts(view.count) where fault == nil {
        memory.arrive(count)
        fault = session!.receive(memory.bytes.dropFirst(start), second: 1)
        start = count
      }
    }
    for record in records { record.lookAgain() }
  }

  /// Receives a block, and holds what comes of it against what has to.
  func take(_ block: FieldBlock, ends: Bool, _ bytes: [UInt8], _ arrival: Arrival) {
    let isWellFormed = PlainBlock.isWellFormed(block, ends: ends)
    let length = records.first { $0.id == block.stream }?.given.first { $0.isNamed("content-length") }
    // Small pieces of large blocks only cost time.
    receive(bytes, bytes.count > 4096 ? .whole : arrival)
    let record = records.first { $0.id == block.stream }
    let isTooLarge = block.listSize > Int(rules.settings.maxHeaderListSize)
    if fault != nil {
      require(fault == .headerListTooLarge && isTooLarge, "\(fault!) for a list of \(block.listSize) bytes")
      return
    }
    guard let record else { fatalError("stream \(block.stream) is not opened") }
    let isRead = block.isTrailers ? record.trailerOutcome != nil : record.outcome != nil
    if isWellFormed == false { require(!isRead, "malformed and accepted: \(block)") }
    // Where a length was announced, trailers instead of a body are malformed.
    let isShort = block.isTrailers && length != nil
    if isWellFormed == true && !isShort {
      require(isRead && !isTooLarge, "well-formed and not accepted: \(block)")
    }
    if isRead { block.isTrailers ? compareTrailers(record, block) : compareHead(record, block, ends: ends) }
    recycle()
  }

  private func compareHead(_ record: HeadRecord, _ block: FieldBlock, ends: Bool) {
    require(record.given == block.fields, "given \(record.given), sent \(block.fields)")
    let wanted = PlainReading.head(block.fields, ends: ends, rules)
    require(record.outcome == wanted, "\(String(describing: record.outcome)), plainly \(wanted)")
  }

  private func compareTrailers(_ record: HeadRecord, _ block: FieldBlock) {
    require(record.givenTrailers == block.fields, "given \(record.givenTrailers), sent \(block.fields)")
    let wanted = PlainReading.trailers(block.fields, rules)
    require(record.trailerOutcome == wanted, "\(String(describing: record.trailerOutcome)), plainly \(wanted)")
  }

  // MARK: Answers

  func answerAll() {
    for record in records where record.outcome != nil && !record.hasAnswer && !record.isClosed {
      record.hasAnswer = true
      withSection { session!.head(record.id, $0, ends: true) }
    }
    recycle()
  }

  private func withSection(_ use: (Bytes) -> Void) {
    unsafe withUnsafeTemporaryAllocation(of: UInt8.self, capacity: 64) { memory in
      var writer = unsafe ByteWriter(base: memory.baseAddress.unsafelyUnwrapped, capacity: memory.count)
      FieldSection.begin(status: 200, fields: 0, to: &writer)
      use(unsafe Bytes(base: memory.baseAddress, count: writer.count))
    }
  }

  /// What there is to say is said; then records of streams that are over go to those that follow.
  private func recycle() {
    while !session!.produce().isEmpty {}
    for record in records {
      record.lookAgain()
      guard record.isClosed else { continue }
      session!.forget(record.id)
      record.end()
      free.append(record)
    }
    records.removeAll { $0.isClosed }
  }

  // MARK: The table

  nonisolated(unsafe) private static let table: UnsafePointer<HTTP2SessionDelegate> = {
    let table = UnsafeMutablePointer<HTTP2SessionDelegate>.allocate(capacity: 1)
    unsafe table.initialize(
      to: HTTP2SessionDelegate(
        open: { unsafe HeadsServer.of($0).open($1) },
        didReceive: { connection, stream, event in
          unsafe HeadsServer.of(connection).take(
            HeadRecord.of(stream), event.assumingMemoryBound(to: HTTP2Event.self).pointee)
        },
        readableBytes: { _, _, _, _ in 0 },
        writeFrame: { _, _, _, _ in -1 }))
    return unsafe UnsafePointer(table)
  }()

  private static func of(_ raw: UnsafeMutableRawPointer) -> HeadsServer {
    unsafe Unmanaged<HeadsServer>.fromOpaque(raw).takeUnretainedValue()
  }

  private func open(_ id: Int32) -> UnsafeMutableRawPointer? {
    let record = free.popLast() ?? HeadRecord(rules)
    record.begin(id)
    records.append(record)
    return unsafe Unmanaged.passUnretained(record).toOpaque()
  }

  private func take(_ record: HeadRecord, _ event: HTTP2Event) {
    require(!record.isClosed, "an event of stream \(record.id), which is closed")
    switch event {
    case .field(let field, false):
      record.given.append(CopiedField(field))
      record.reader.take(field)
    case .field(let field, true):
      record.givenTrailers.append(CopiedField(field))
      record.trailers.take(field)
    case .head(let ends):
      record.inputEnded = ends
      record.finish(ends: ends)
    case .body: require(false, "a body")
    case .end(let trailers):
      record.inputEnded = true
      if trailers { record.finishTrailers() }
    case .responseEnded: if !record.inputEnded { session!.reset(record.id, .noError) }
    case .closed: record.isClosed = true
    }
  }
}
