import CLinux
import Glibc

/// An epoll instance. Each registration has a 64-bit token, which its events contain.
@safe
@usableFromInline
package struct Epoll: ~Copyable {
  @usableFromInline
  package struct Interest: OptionSet, Sendable {
    @usableFromInline package let rawValue: UInt32
    @inlinable
    package init(rawValue: UInt32) { self.rawValue = rawValue }

    /// The same as in `SetAlgebra`, but inlinable in other modules, which would otherwise call through the protocol.
    @inlinable
    @inline(__always)
    package func contains(_ interest: Interest) -> Bool { rawValue & interest.rawValue == interest.rawValue }

    @inlinable package static var readable: Interest { Interest(rawValue: 0x001) }
    @inlinable package static var priority: Interest { Interest(rawValue: 0x002) }
    @inlinable package static var writable: Interest { Interest(rawValue: 0x004) }
    @inlinable package static var error: Interest { Interest(rawValue: 0x008) }
    @inlinable package static var hangUp: Interest { Interest(rawValue: 0x010) }
    @inlinable package static var peerClosed: Interest { Interest(rawValue: 0x2000) }
    /// An event wakes one of the processes that wait for this descriptor, not all.
    @inlinable package static var exclusive: Interest { Interest(rawValue: 1 << 28) }
    /// Disabled by its first event.
    @inlinable package static var once: Interest { Interest(rawValue: 1 << 30) }
    @inlinable package static var edgeTriggered: Interest { Interest(rawValue: 1 << 31) }
  }

  package struct Event {
    package let ready: Interest
    package let token: UInt64
  }

  private let descriptor: FileDescriptor
  private let events: UnsafeMutablePointer<epoll_event>
  private let capacity: Int

  /// - Parameter capacity: the maximum number of events of one wait.
  package init(capacity: Int) throws(Errno) {
    let raw = epoll_create1(CInt(EPOLL_CLOEXEC))
    guard raw >= 0 else { throw .last("epoll_create1") }
    descriptor = FileDescriptor(owning: raw)
    unsafe events = .allocate(capacity: capacity)
    self.capacity = capacity
  }

  deinit { unsafe events.deallocate() }

  /// A descriptor that is readable while there are events.
  package var raw: CInt { descriptor.raw }

  package func add(_ fd: CInt, _ interest: Interest, token: UInt64) throws(Errno) {
    var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
    guard unsafe epoll_ctl(descriptor.raw, EPOLL_CTL_ADD, fd, &event) == 0 else { throw .last("epoll_ctl add") }
  }

  /// Changes the events of a registered descriptor.
  package func change(_ fd: CInt, _ interest: Interest, token: UInt64) {
    var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
    unsafe epoll_ctl(descriptor.raw, EPOLL_CTL_MOD, fd, &event)
  }

  /// The same as `change`, and fails if the descriptor is not registered: its number may belong to another file now.
  package func update(_ fd: CInt, _ interest: Interest, token: UInt64) throws(Errno) {
    var event = unsafe epoll_event(events: interest.rawValue, data: epoll_data_t(u64: token))
    guard unsafe epoll_ctl(descriptor.raw, EPOLL_CTL_MOD, fd, &event) == 0 else { throw .last("epoll_ctl mod") }
  }

  /// Ends a registration. Closing the descriptor also does that.
  package func remove(_ fd: CInt) {
    var event = unsafe epoll_event()
    unsafe epoll_ctl(descriptor.raw, EPOLL_CTL_DEL, fd, &event)
  }

  /// Waits for events and returns their number; 0 after a signal.
  ///
  /// - Parameter milliseconds: 0 does not wait, -1 waits without limit.
  package func wait(milliseconds: CInt) -> Int {
    let count = unsafe outrider_epoll_wait(descriptor.raw, events, CInt(capacity), milliseconds)
    return max(0, Int(count))
  }

  /// One of the events of the last wait.
  package subscript(_ index: Int) -> Event {
    precondition(index >= 0 && index < capacity)
    let event = unsafe events[index]
    return unsafe Event(ready: Interest(rawValue: event.events), token: event.data.u64)
  }
}
