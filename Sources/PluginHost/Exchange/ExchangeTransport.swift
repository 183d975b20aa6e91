import HTTP

/// How the parts of a response are sent, for one combination of protocol, style and worker model.
///
/// A table of C functions, so that a call neither allocates nor retains. `perform` is called with the send lock held or on the
/// handler's thread, and does not call back into the plugin.
@safe
package struct ExchangeTransport {
  /// Reserves room for a copy of `bytes`: a `CallStatus` by its code, `.ok` in a blocking style.
  package typealias Reserve = @convention(c) (_ exchange: UnsafeMutableRawPointer, _ bytes: Int) -> UInt8
  /// Sends a `ResponsePart`; a `CallStatus` by its code.
  package typealias Perform =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ part: UnsafeRawPointer
    ) -> UInt8
  /// Reads body bytes, blocking; a `CallStatus` by its code.
  package typealias Read =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ buffer: UnsafeMutableRawPointer, _ capacity: Int,
      _ got: UnsafeMutablePointer<Int>
    ) -> UInt8
  /// [any-thread] Wakes the loop: the plugin has given credit.
  package typealias WakeLoop = @convention(c) (_ exchange: UnsafeMutableRawPointer) -> Void
  /// Checks whether the client is gone, where the loop does not watch the socket.
  package typealias CheckPeerClosed = @convention(c) (_ exchange: UnsafeMutableRawPointer) -> Void

  /// [loop, request-thread] The description of the connection's TLS, as an `outrider_tls`; nil for cleartext.
  package typealias DescribeTLS = @convention(c) (_ exchange: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer?

  package let reserve: Reserve
  package let perform: Perform
  package let read: Read
  package let wakeLoop: WakeLoop
  package let checkPeerClosed: CheckPeerClosed
  package let describeTLS: DescribeTLS

  package init(
    reserve: @escaping Reserve, perform: @escaping Perform, read: @escaping Read, wakeLoop: @escaping WakeLoop,
    checkPeerClosed: @escaping CheckPeerClosed, describeTLS: @escaping DescribeTLS
  ) {
    unsafe self.reserve = reserve
    unsafe self.perform = perform
    unsafe self.read = read
    unsafe self.wakeLoop = wakeLoop
    unsafe self.checkPeerClosed = checkPeerClosed
    unsafe self.describeTLS = describeTLS
  }
}

extension CallStatus {
  /// The form in which a transport's function returns a status, since C functions can't return Swift enumerations.
  /// Unlike the raw value it is valid only within this process, and the conversion is free.
  package var code: UInt8 { unsafe unsafeBitCast(self, to: UInt8.self) }

  /// The status for a code that a transport's function returned.
  init(transport code: UInt8) { self = unsafe unsafeBitCast(code, to: CallStatus.self) }
}
