import COutriderPlugin

/// State that all workers of the service share, for rate limits, caches and flags: outrider.store/1.
///
/// It survives reloads, but not a restart of the service. A key has 1 to 255 bytes of UTF-8, a value at most 65,536 bytes. The
/// keys of each `[[plugin]]` entry are its own. A value that expires may be evicted for others before its time; one that does
/// not never is. Each call is atomic, works on any thread of a worker, and takes a few microseconds.
///
/// Each method throws `.unsupported` if `store.size` is 0, `.state` in the master, `.invalid` for a key or a value that is too
/// long, `.again` if another worker was stopped during a call, and `.io` if a faulty plugin has overwritten a part of the
/// store, which has been emptied.
@safe
public struct Store: @unchecked Sendable {
  // The tables of the host, which are there for the life of the process.
  fileprivate let host: OutriderHost
  fileprivate let functions: UnsafePointer<outrider_store>
}

extension OutriderHost {
  /// The store of this entry. Throws `.unsupported` if this host has none.
  public func store() throws(OutriderError) -> Store {
    guard let functions: UnsafePointer<outrider_store> = unsafe find(OUTRIDER_STORE) else {
      throw OutriderError(.unsupported, in: "outrider.store/1")
    }
    return unsafe Store(host: self, functions: functions)
  }
}

extension Store {
  /// The value of a key; nil: there is none.
  public func get(_ key: String) throws(OutriderError) -> [UInt8]? {
    var capacity = 256
    while true {
      var size = 0
      var status = OUTRIDER_OK
      let value = unsafe [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
        status = unsafe key.pass {
          unsafe functions.pointee.get(host.table, $0, buffer.baseAddress, buffer.count, &size, nil)
        }
        count = status == OUTRIDER_OK ? min(size, buffer.count) : 0
      }
      switch status {
      case OUTRIDER_SKIPPED: return nil
      // It may have grown meanwhile.
      case OUTRIDER_E_LIMIT: capacity = size
      default:
        try Acceptance(status, of: "get")
        return value
      }
    }
  }

  /// Sets the value of a key, until it expires. Throws `.limit` if there is no room.
  public func set(_ key: String, _ value: Span<UInt8>, expiresIn time: Duration? = nil) throws(OutriderError) {
    let status = unsafe value.withUnsafeBufferPointer { value in
      unsafe key.pass { unsafe functions.pointee.set(host.table, $0, outrider_bytes(value), lifetime(time)) }
    }
    try Acceptance(status, of: "set")
  }

  /// The same, for text.
  public func set(_ key: String, _ value: String, expiresIn time: Duration? = nil) throws(OutriderError) {
    let status = unsafe value.pass { value in
      unsafe key.pass { unsafe functions.pointee.set(host.table, $0, value, lifetime(time)) }
    }
    try Acceptance(status, of: "set")
  }

  /// Sets the value of a key if it is `expected`; nil: if there is no such key. Returns whether it was set.
  public func compareAndSet(
    _ key: String, expected: [UInt8]?, _ value: [UInt8], expiresIn time: Duration? = nil
  ) throws(OutriderError) -> Bool {
    let status = unsafe value.withUnsafeBufferPointer { value in
      unsafe (expected ?? []).withUnsafeBufferPointer { present in
        unsafe key.pass { key in
          unsafe withUnsafePointer(to: outrider_bytes(present)) { present in
            unsafe functions.pointee.compare_and_set(
              host.table, key, expected == nil ? nil : present, outrider_bytes(value), lifetime(time))
          }
        }
      }
    }
    return try isMet(status, "compareAndSet")
  }

  /// Adds to a counter, and returns the sum, which wraps around. A new counter starts at 0 and expires after the time; one
  /// that exists keeps its own. Throws `.state` if the value is not a counter.
  @discardableResult
  public func add(_ key: String, _ amount: Int64, expiresIn time: Duration? = nil) throws(OutriderError) -> Int64 {
    var sum: Int64 = 0
    let status = unsafe key.pass { unsafe functions.pointee.add(host.table, $0, amount, lifetime(time), &sum) }
    try Acceptance(status, of: "add")
    return sum
  }

  /// Deletes a key. Returns whether it was there.
  @discardableResult
  public func remove(_ key: String) throws(OutriderError) -> Bool {
    try isMet(unsafe key.pass { unsafe functions.pointee.remove(host.table, $0) }, "remove")
  }

  /// The keys that begin with a prefix, in no particular order. A key that is there all the while comes exactly once.
  public func keys(withPrefix prefix: String = "") throws(OutriderError) -> [String] {
    var keys: [String] = []
    var cursor: UInt64 = 0
    while true {
      var status = OUTRIDER_OK
      var size = 0
      let key = unsafe String(unsafeUninitializedCapacity: Int(OUTRIDER_STORE_MAX_KEY)) { buffer in
        status = unsafe prefix.pass {
          unsafe functions.pointee.next(host.table, $0, &cursor, buffer.baseAddress, buffer.count, &size)
        }
        return status == OUTRIDER_OK ? min(size, buffer.count) : 0
      }
      guard try isMet(status, "keys") else { return keys }
      keys.append(key)
    }
  }

  /// False: the condition was not met, or there was no such key.
  private func isMet(_ status: outrider_status, _ call: StaticString) throws(OutriderError) -> Bool {
    try Acceptance(status, of: call)
    return status != OUTRIDER_SKIPPED
  }

  /// 0 means for ever, so the shortest time is one nanosecond.
  private func lifetime(_ time: Duration?) -> UInt64 { time.map { max(1, $0.nanoseconds) } ?? 0 }
}
