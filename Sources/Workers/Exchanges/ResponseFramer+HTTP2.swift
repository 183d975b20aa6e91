import HTTP
import PluginHost

// The response to a stream: sections and bytes that the loop hands to the session.

extension ResponseFramer {
  @inline(never)
  mutating func encodeSections(
    _ act: ResponsePart, bounds: ResponseState.BodyBounds, owner: UInt64, into queue: inout OutputQueue,
    _ thread: WorkerThread
  ) {
    switch act {
    case .informational(let status, let fields):
      countInformational(status)
      write(.informational, status: status, fields, &queue, thread)
    case .head(let status, let fields, let verdict, let whole):
      takesHead(status)
      let ends = bounds.isAbsent || whole?.total == 0
      writeHead(status, fields, verdict, whole, ends, &queue, thread)
      if let whole { append(whole, dropped: ends, owner, &queue, thread) }
      if let whole, !ends, whole.count > 0 { countBody(UInt64(whole.total)) }
      // Bytes that are only announced are sent in pieces, with the end after them.
      if let whole, !ends, whole.count > 0 { queue.append(section: .end, &thread.record.pool) }
    case .body(let part, let fate):
      if !fate.isDropped { countBody(UInt64(part.total)) }
      append(part, dropped: fate.isDropped, owner, &queue, thread)
      if fate.endsResponse { queue.append(section: .end, &thread.record.pool) }
    case .file(let part, let fate):
      if !fate.isDropped { countBody(part.length) }
      if fate.isDropped || part.length == 0 {
        settleLease(part.lease, part.tag, owner, &queue, thread)
      } else {
        queue.append(file: part, owner: owner, &thread.record.pool)
      }
      if fate.endsResponse { queue.append(section: .end, &thread.record.pool) }
    case .trailers(let fields): write(.trailers, status: 0, fields, &queue, thread)
    case .end: queue.append(section: .end, &thread.record.pool)
    case .abort(let reason): abort(reason)
    }
  }

  private func write(
    _ kind: SectionKind, status: UInt32, _ fields: Fields, _ queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    let bound = FieldSection.bound(fields: fields.count, bytes: fieldBytes(fields))
    queue.write(section: kind, bound: bound, &thread.record.pool) { writer in
      FieldSection.begin(status: status, fields: fields.count, to: &writer)
      FieldSection.append(fields, to: &writer)
    }
  }

  private func writeHead(
    _ status: UInt32, _ fields: Fields, _ verdict: FieldValidation.Verdict, _ whole: BodyPart?, _ ends: Bool,
    _ queue: inout OutputQueue, _ thread: WorkerThread
  ) {
    let hasLength = verdict.contentLength != nil || status == 204 || status == 304
    let length = hasLength ? nil : status == 205 ? 0 : whole?.total
    let server = thread.record.date.server
    let writesServer = !verdict.hasServer && !server.isEmpty
    let own = (writesServer ? 1 : 0) + (verdict.hasDate ? 0 : 1) + (length == nil ? 0 : 1)
    let count = fields.count + own
    let bound = FieldSection.bound(fields: count, bytes: verdict.bytes + FieldSection.ownBytes)
    queue.write(section: ends ? .wholeHead : .head, bound: bound, &thread.record.pool) { writer in
      FieldSection.begin(status: status, fields: count, to: &writer)
      if writesServer { FieldSection.append(name: Bytes("server"), value: server, to: &writer) }
      if !verdict.hasDate { FieldSection.append(name: Bytes("date"), value: thread.record.date.value, to: &writer) }
      FieldSection.append(fields, to: &writer)
      if let length {
        FieldSection.append(name: Bytes("content-length"), decimal: UInt64(length), to: &writer)
      }
    }
  }
}
