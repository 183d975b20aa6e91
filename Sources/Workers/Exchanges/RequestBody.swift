import HTTP
import PluginHost

/// The result of reading a request's body.
enum BodyStep {
  /// Decoded bytes, valid until the next step.
  case bytes(Bytes)
  /// The end; trailers, if any, are in the exchange.
  case end
  /// Nothing has come; the next byte causes an event.
  case wait
  case refused(Refusal)
  /// The client closed its side within the body.
  case gone
}

enum RequestBody {
  /// The maximum number of body bytes delivered before other connections get their turn: plugins may be slow.
  static let bytesPerTurn = 64 << 10
}

// The request's body in pieces, for an event-style plugin, a handler's pipe, a blocked reader, or to discard it.

extension HTTPChannel {
  /// The next piece of the body. A refusal is final.
  ///
  /// - Parameter limit: the maximum number of bytes.
  func nextBody(limit: Int = .max) -> BodyStep {
    if let refusal = request.record.decoder.refusal { return .refused(refusal) }
    let step = readBody(limit: limit)
    if case .refused(let refusal) = step { request.record.decoder.refuse(refusal) }
    bodyWasRead()
    return step
  }

  /// Sends 100 (Continue) if the client waits for it, because the body is wanted now (RFC 9110 section 10.1.1).
  func sendContinueIfDue() {
    if claimContinue() { sendContinue() }
  }

  /// Whether 100 (Continue) may be sent now; true once for each request.
  func claimContinue() -> Bool {
    guard request.head.traits.contains(.expectsContinue), !request.record.continueSent else { return false }
    request.record.continueSent = true
    return !request.record.headIsOut
  }

  /// Sets a deadline for a body that is being waited for.
  func superviseBody() {
    let moment = request.record.bodyProgress.nextJudgement(timeout: worker.pace(of: request).body)
    setDeadline(min(moment, worker.requestDeadline(request)))
  }
}

extension Worker {
  func requestDeadline(_ request: Request) -> UInt64 {
    let limit = pace(of: request).request
    return limit > 0 ? request.record.began &+ limit : .max
  }
}
