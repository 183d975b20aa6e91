import COutrider
import HTTP
import Platform

/// `outrider.store/1`: keys and values that all workers share.
extension Extensions {
  static let store = unsafe Extension(
    "outrider.store/1",
    outrider_store(
      size: 0, reserved: 0,
      get: { unsafe StoreFunctions.get($0, $1, $2, $3, $4, $5) },
      set: { unsafe StoreFunctions.set("set", $0, $1, .any, $2, $3) },
      compare_and_set: { unsafe StoreFunctions.compareAndSet($0, $1, $2, $3, $4) },
      add: { unsafe StoreFunctions.add($0, $1, $2, $3, $4) },
      remove: { unsafe StoreFunctions.remove($0, $1) },
      next: { unsafe StoreFunctions.next($0, $1, $2, $3, $4, $5) }))
}

private enum StoreFunctions {
  static func get(
    _ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes, _ buffer: UnsafeMutableRawPointer?, _ capacity: Int,
    _ got: UnsafeMutablePointer<Int>?, _ left: UnsafeMutablePointer<UInt64>?
  ) -> outrider_status {
    unsafe call("get", host, key) { store, key in
      guard let room = unsafe room(buffer, capacity), let got = unsafe got else { return (.invalid, .done, 0) }
      var size = 0
      var remaining: UInt64 = 0
      let outcome = unsafe store.get(key, into: room, size: &size, remaining: &remaining)
      unsafe got.pointee = size
      if let left = unsafe left { unsafe left.pointee = remaining }
      // The plugin asks for the size of the value.
      return (outcome == .mismatch ? .limit : nil, outcome, 0)
    }
  }

  static func compareAndSet(
    _ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes, _ expected: UnsafePointer<outrider_bytes>?,
    _ value: outrider_bytes, _ lifetime: UInt64
  ) -> outrider_status {
    guard let expected = unsafe expected else {
      return unsafe set("compare_and_set", host, key, .absent, value, lifetime)
    }
    guard let bytes = unsafe buffer(expected.pointee, limit: Int.max) else {
      return unsafe call("compare_and_set", host, key) { _, _ in (.invalid, .done, 0) }
    }
    return unsafe set("compare_and_set", host, key, .value(bytes), value, lifetime)
  }

  static func set(
    _ name: StaticString, _ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes,
    _ condition: SharedStore.Condition, _ value: outrider_bytes, _ lifetime: UInt64
  ) -> outrider_status {
    unsafe call(name, host, key) { store, key in
      guard let value = unsafe buffer(value, limit: Int(OUTRIDER_STORE_MAX_VALUE)) else { return (.invalid, .done, 0) }
      let change = unsafe store.set(key, to: value, if: condition, lifetime: lifetime)
      return (nil, change.outcome, change.evicted)
    }
  }

  static func add(
    _ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes, _ amount: Int64, _ lifetime: UInt64,
    _ sum: UnsafeMutablePointer<Int64>?
  ) -> outrider_status {
    unsafe call("add", host, key) { store, key in
      var result: Int64 = 0
      let change = unsafe store.add(key, amount, lifetime: lifetime, sum: &result)
      if change.outcome == .done, let sum = unsafe sum { unsafe sum.pointee = result }
      return (change.outcome == .mismatch ? .wrongState : nil, change.outcome, change.evicted)
    }
  }

  static func remove(_ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes) -> outrider_status {
    unsafe call("remove", host, key) { store, key in (nil, unsafe store.remove(key), 0) }
  }

  static func next(
    _ host: UnsafePointer<outrider_host>?, _ prefix: outrider_bytes, _ cursor: UnsafeMutablePointer<UInt64>?,
    _ buffer: UnsafeMutableRawPointer?, _ capacity: Int, _ got: UnsafeMutablePointer<Int>?
  ) -> outrider_status {
    unsafe call("next", host, prefix, mayBeEmpty: true) { store, full in
      guard let room = unsafe room(buffer, capacity), let cursor = unsafe cursor, let got = unsafe got else {
        return (.invalid, .done, 0)
      }
      var size = 0
      let outcome = unsafe store.next(
        full, skipping: full.count - prefix.size, cursor: &cursor.pointee, into: room, size: &size)
      unsafe got.pointee = size
      return (outcome == .mismatch ? .limit : nil, outcome, 0)
    }
  }

  // MARK: Common parts

  /// A plugin's bytes, or nil if pointer and size are inconsistent.
  private static func buffer(_ bytes: outrider_bytes, limit: Int) -> UnsafeRawBufferPointer? {
    guard unsafe bytes.size >= 0, unsafe bytes.size <= limit, unsafe bytes.size == 0 || bytes.data != nil else {
      return nil
    }
    return unsafe UnsafeRawBufferPointer(start: bytes.data, count: bytes.size)
  }

  private static func room(_ buffer: UnsafeMutableRawPointer?, _ capacity: Int) -> UnsafeMutableRawBufferPointer? {
    guard capacity >= 0, unsafe capacity == 0 || buffer != nil else { return nil }
    return unsafe UnsafeMutableRawBufferPointer(start: buffer, count: capacity)
  }

  /// - Parameter body: called with the key, prefixed with the entry's name. Returns the status if that differs from the
  ///   outcome's, the outcome, and the number of evicted entries.
  private static func call(
    _ name: StaticString, _ host: UnsafePointer<outrider_host>?, _ key: outrider_bytes, mayBeEmpty: Bool = false,
    _ body: (SharedStore, UnsafeRawBufferPointer) -> (CallStatus?, SharedStore.Outcome, evicted: Int)
  ) -> outrider_status {
    guard let runtime = Runtime.current, let plugin = unsafe HostTable.plugin(host) else {
      return CallStatus.wrongState.rawValue
    }
    guard let store = runtime.record.store else { return CallStatus.unsupported.rawValue }
    var isMisuse = false
    var outcome = CallStatus.invalid
    if let own = unsafe buffer(key, limit: Int(OUTRIDER_STORE_MAX_KEY)), mayBeEmpty || own.count > 0 {
      unsafe withFullKey(plugin, own) { full in
        let (status, result, evicted) = unsafe body(store, full)
        outcome = status ?? CallStatus(result)
        if evicted > 0 { runtime.record.slot.addShared(.storeEvictions, UInt64(evicted)) }
        if result == .full { runtime.record.slot.addShared(.storeRefusals) }
        if result == .corrupt {
          runtime.record.log.error("the store's memory was written to by somebody else: a part of it is empty now")
        }
        isMisuse = status == .invalid || status == .wrongState
      }
    } else {
      isMisuse = true
    }
    if isMisuse {
      runtime.record.misuse.note(
        name, outcome, plugin: plugin, exchange: outrider_exchange(id: 0),
        rule: outcome == .wrongState ? "the value is no counter" : "a key, a value or a pointer")
    }
    return outcome.rawValue
  }

  /// The entry's name, a zero, and the key, so that entries do not see each other's keys.
  private static func withFullKey(
    _ plugin: Plugin, _ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) -> Void
  ) {
    let name = plugin.record.name
    let count = name.count + 1 + key.count
    unsafe withUnsafeTemporaryAllocation(byteCount: count, alignment: 8) { room in
      if let base = unsafe name.base { unsafe room.baseAddress!.copyMemory(from: base, byteCount: name.count) }
      unsafe room[name.count] = 0
      if let base = key.baseAddress {
        unsafe (room.baseAddress! + name.count + 1).copyMemory(from: base, byteCount: key.count)
      }
      unsafe body(UnsafeRawBufferPointer(room))
    }
  }
}

extension CallStatus {
  fileprivate init(_ outcome: SharedStore.Outcome) {
    switch outcome {
    case .done: self = .ok
    case .absent: self = .skipped
    case .mismatch: self = .wrongState
    case .full: self = .limit
    case .busy: self = .again
    case .corrupt: self = .io
    }
  }
}
