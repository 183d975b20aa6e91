import Memory

extension HostileMemory {
  /// Calls `body` with `bytes`, valid until it returns. With `HostileMemory` they are a copy that is freed then.
  @inlinable
  @inline(__always)
  package static func lend(_ bytes: Bytes, to body: (Bytes) -> Void) {
    if isOn { lendCopy(bytes, to: body) } else { body(bytes) }
  }

  @usableFromInline
  static func lendCopy(_ bytes: Bytes, to body: (Bytes) -> Void) {
    let copy = UnsafeMutablePointer<UInt8>.allocate(capacity: max(1, bytes.count))
    if let base = unsafe bytes.base { unsafe copy.update(from: base, count: bytes.count) }
    body(unsafe Bytes(base: copy, count: bytes.count))
    unsafe free(UnsafeMutableRawPointer(copy), count: max(1, bytes.count))
  }
}
