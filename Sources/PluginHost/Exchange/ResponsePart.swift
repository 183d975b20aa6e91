import COutrider
import HTTP

/// One part of a response, validated and accepted, for the transport to send. Its values are whole words, which are cheap to read.
package enum ResponsePart {
  case informational(status: UInt32, fields: Fields)
  /// A final head. `whole`: the complete content comes with it, and the response ends.
  case head(status: UInt32, fields: Fields, verdict: FieldValidation.Verdict, whole: BodyPart?)
  case body(BodyPart, PartDisposition)
  case file(FilePart, PartDisposition)
  /// Trailer fields, or none where the client accepts none. The response ends.
  case trailers(Fields)
  /// The response ends with what was sent before.
  case end
  /// The response can't be completed: the client must see that it is truncated.
  case abort(AbortReason)
}

/// How a transport treats a part of the content.
package struct PartDisposition {
  private let bits: UInt

  package init(dropped: Bool, ends: Bool) { bits = (dropped ? 1 : 0) | (ends ? 2 : 0) }

  /// The part is released and not sent.
  package var isDropped: Bool { bits & 1 != 0 }
  /// The response ends with it.
  package var endsResponse: Bool { bits & 2 != 0 }
}

/// Memory of the plugin with a part of the content.
@safe
package struct BodyPart {
  package let chunks: UnsafePointer<outrider_bytes>
  package let count: Int
  /// The bytes of all chunks.
  package let total: Int
  package let lease: Lease
  /// 0, or comes back in a SENT event.
  package let tag: UInt64

  /// Up to this size a copy is cheaper than a separate send.
  package static let copyLimit = 4096

  /// The same part, which need not be copied: for a transport that sends it before the call returns.
  package var uncopied: BodyPart {
    unsafe BodyPart(
      chunks: chunks, count: count, total: total, lease: Lease(release: { _ in }, context: nil), tag: tag)
  }

  /// The same length without the bytes: for a head that is sent before them.
  package var lengthOnly: BodyPart {
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

/// How long memory of the plugin stays valid: until `release` is called, or without one until the call returns.
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
  package func releaseMemory() { unsafe release?(context) }
}
