import COutrider
import HTTP

/// One step of an answer, checked and accepted, for the transport to carry out. Its parts are whole words, so that a look
/// at it is no puzzle of bytes.
package enum ResponseAct {
  case informational(status: UInt32, fields: Fields)
  /// A final head. `whole`: the body comes with it and the answer ends.
  case head(status: UInt32, fields: Fields, verdict: FieldValidation.Verdict, whole: BodyPart?)
  case body(BodyPart, PartFate)
  case file(FilePart, PartFate)
  /// Trailer fields, or none of them where the client can't take any. The answer ends.
  case trailers(Fields)
  /// The answer ends with what was sent before.
  case end
  /// The answer can't be completed: the client must see that it is cut off.
  case abort(CutReason)
}

/// What becomes of a part of a body.
package struct PartFate {
  private let bits: UInt

  package init(dropped: Bool, ends: Bool) { bits = (dropped ? 1 : 0) | (ends ? 2 : 0) }

  /// It is to be released and not sent.
  package var isDropped: Bool { bits & 1 != 0 }
  /// The answer ends with it.
  package var endsAnswer: Bool { bits & 2 != 0 }
}

/// Memory that the plugin lends for a part of a body.
@safe
package struct BodyPart {
  package let chunks: UnsafePointer<outrider_bytes>
  package let count: Int
  /// The bytes of all chunks.
  package let total: Int
  package let lease: Lease
  /// 0, or comes back in a SENT event.
  package let tag: UInt64

  /// Up to here it is cheaper to copy than to send separately.
  package static let copyLimit = 4096

  /// The same part, not to be copied: for a transport that sends it before the call returns.
  package var lent: BodyPart {
    unsafe BodyPart(
      chunks: chunks, count: count, total: total, lease: Lease(release: { _ in }, context: nil), tag: tag)
  }

  /// As long, and without its bytes: for a head that goes out before them.
  package var announced: BodyPart {
    unsafe BodyPart(chunks: chunks, count: 0, total: total, lease: .call, tag: 0)
  }

  /// One of the chunks.
  package subscript(_ index: Int) -> Bytes {
    precondition(index >= 0 && index < count)
    return unsafe Bytes(chunks[index])
  }
}

/// Part of a file that is sent.
package struct FilePart {
  package let descriptor: CInt
  package let offset: UInt64
  package let length: UInt64
  package let lease: Lease
  package let tag: UInt64

  package init(descriptor: CInt, offset: UInt64, length: UInt64, lease: Lease, tag: UInt64) {
    self.descriptor = descriptor
    self.offset = offset
    self.length = length
    self.lease = lease
    self.tag = tag
  }
}

/// How long lent memory stays: until `release` has been called, or, without one, until the call returns.
@safe
package struct Lease {
  package let release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
  package let context: UnsafeMutableRawPointer?

  package static var call: Lease { unsafe Lease(release: nil, context: nil) }
  package init(
    release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, context: UnsafeMutableRawPointer?
  ) {
    unsafe self.release = release
    unsafe self.context = context
  }

  package var outlivesCall: Bool { unsafe release != nil }
  package func end() { unsafe release?(context) }
}
