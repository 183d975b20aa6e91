import HTTP

/// How an exchange's bytes move: what a connection driver offers for one combination of protocol and worker model.
///
/// Tables of C functions, so that a call neither allocates nor retains, and one exchange serves every combination.
/// `act` is called with the send right held or on the handler's thread; nothing of it calls back into the plugin.
@safe
package struct ExchangeTransport {
  /// Whether there is room for `bytes` to be copied: an `Outcome` by its code, `.ok` in a blocking style.
  package typealias Admit = @convention(c) (_ exchange: UnsafeMutableRawPointer, _ bytes: Int) -> UInt8
  /// Carries out a `ResponseAct`; an `Outcome` by its code.
  package typealias Perform =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ act: UnsafeRawPointer
    ) -> UInt8
  /// Reads body bytes, blocking; an `Outcome` by its code.
  package typealias Read =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ buffer: UnsafeMutableRawPointer, _ capacity: Int,
      _ got: UnsafeMutablePointer<Int>
    ) -> UInt8
  /// Something is to be looked at on the loop: credit, mostly. [any-thread]
  package typealias Attend = @convention(c) (_ exchange: UnsafeMutableRawPointer) -> Void
  /// Looks whether the client has left, where nobody else does meanwhile.
  package typealias Probe = @convention(c) (_ exchange: UnsafeMutableRawPointer) -> Void

  package let admit: Admit
  package let perform: Perform
  package let read: Read
  package let attend: Attend
  package let probe: Probe

  package init(
    admit: @escaping Admit, perform: @escaping Perform, read: @escaping Read, attend: @escaping Attend,
    probe: @escaping Probe
  ) {
    unsafe self.admit = admit
    unsafe self.perform = perform
    unsafe self.read = read
    unsafe self.attend = attend
    unsafe self.probe = probe
  }
}

extension Outcome {
  /// As a transport's function returns it, since C functions know no enumerations of Swift. Unlike the raw value it means
  /// something in this process alone, and costs nothing.
  package var code: UInt8 { unsafe unsafeBitCast(self, to: UInt8.self) }

  /// What a transport's function returned, which is an outcome's code.
  init(transport code: UInt8) { self = unsafe unsafeBitCast(code, to: Outcome.self) }
}
