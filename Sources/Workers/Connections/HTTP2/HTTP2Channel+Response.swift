import HTTP
import Platform
import PluginHost

// The response of a stream: handing it to the session, and responses of the server itself.

extension HTTP2Channel {
  /// Hands the session as much of the stream's response as it accepts; nothing while the client reads nothing. Parts
  /// that the session has are no longer counted, and remain when the client resets the stream.
  func submit() {
    guard let http2 else { return }
    let id = request.record.stream.id
    if request.record.stream.flags.contains(.closed) { return dropOutput() }
    if connection.record.output.count >= HTTP2Connection.framedAtOnce
      && request.record.stream.output.firstSection != nil
    {
      // The connection comes back to the stream when the client has read something.
      http2.queue(request)
      return http2.countOutput(of: request, limit: worker.record.settings.outputLimit)
    }
    sections: while let (kind, bytes) = request.record.stream.output.firstSection {
      switch kind {
      case .informational: http2.record.session.informational(id, bytes)
      case .head:
        http2.record.session.head(id, bytes, ends: false)
        request.record.stream.flags.insert(.headSubmitted)
        request.record.stream.output.dropSection(&worker.record.thread.record.pool)
        interleaveIfLarge(http2)
        continue
      case .wholeHead:
        http2.record.session.head(id, bytes, ends: true)
        request.record.stream.flags.insert(.headSubmitted)
        // Only memory to be given back remains.
        return dropOutput(isLost: false)
      case .trailers, .end: break sections
      }
      request.record.stream.output.dropSection(&worker.record.thread.record.pool)
    }
    if request.record.stream.output.retireSpent(&worker.record.thread.record.pool) {
      // A part without bytes has no frame, and somebody may wait for its end.
      request.record.stream.flags.insert(.moved)
      queue()
    }
    if request.record.stream.flags.contains(.deferred) && !request.record.stream.output.isEmpty {
      request.record.stream.flags.remove(.deferred)
      http2.record.session.resume(id)
    }
    http2.countOutput(of: request, limit: worker.record.settings.outputLimit)
  }

  /// A response of several frames is interleaved with others, unless the client has sent priorities.
  private func interleaveIfLarge(_ http2: HTTP2Connection) {
    if request.record.stream.reader.hasPriority { return }
    let (count, next) = request.record.stream.output.offer(HTTP2Connection.framedAtOnce)
    if case .end = next, count <= Self.singleFrame { return }
    http2.record.session.interleave(request.record.stream.id)
  }

  private static let singleFrame = 16 << 10

  /// Drops the rest of the stream's output. Leases are settled later, because this may run inside a call from the
  /// plugin.
  ///
  /// - Parameter isLost: whether the rest is part of the response.
  private func dropOutput(isLost: Bool = true) {
    if isLost { request.record.lostBytes &+= request.record.stream.output.total }
    request.record.stream.output.discard(&worker.record.thread.record.pool)
    http2?.countOutput(of: request, limit: worker.record.settings.outputLimit)
    guard !request.record.stream.output.done.isEmpty else { return }
    request.record.stream.flags.insert(.moved)
    queue()
  }

  /// Drops the rest of the response and releases what it was lent. For the loop, outside any call into the plugin.
  func discardOutput() {
    dropOutput()
    releaseLeases()
  }

  func releaseLent() { discardOutput() }

  /// Sends a response of the server itself.
  func refuse(_ refusal: Refusal) {
    worker.note(refusal, request)
    let status = refusal.status
    let isHead = request.head.traits.contains(.head)
    request.record.framer.takesPage(status, bytes: isHead ? 0 : ErrorPage.length(status))
    let server = worker.record.thread.record.date.server
    worker.withFields(of: refusal, request) { fields in
      request.record.stream.output.write(
        section: isHead ? .wholeHead : .head, bound: FieldSection.bound(fields: 5, bytes: 256 + ServerField.longest),
        &worker.record.thread.record.pool
      ) { writer in
        FieldSection.begin(status: status, fields: (server.isEmpty ? 2 : 3) + fields.count, to: &writer)
        if !server.isEmpty { FieldSection.append(name: Bytes("server"), value: server, to: &writer) }
        FieldSection.append(name: Bytes("date"), value: worker.record.thread.record.date.value, to: &writer)
        FieldSection.append(fields, to: &writer)
        FieldSection.append(
          name: Bytes("content-length"), decimal: UInt64(ErrorPage.length(status)), to: &writer)
      }
    }
    if !isHead {
      request.record.stream.output.write(bound: ErrorPage.bound, &worker.record.thread.record.pool) {
        ErrorPage.write(status, to: &$0)
      }
      request.record.stream.output.append(section: .end, &worker.record.thread.record.pool)
    }
    finish()
  }
}
