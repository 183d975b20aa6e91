import HTTP

/// How an exchange's bytes move: what a connection driver offers for one combination of protocol and worker model.
///
/// Tables of C functions, so that a call neither allocates nor retains, and one exchange serves every combination.
/// `act` is called with the send right held or on the handler's thread; nothing of it calls back into the plugin.
@safe
package struct ExchangeTransport {
  /// Whether there is room for `bytes` to be copied: an `Outcome` as a number, `.ok` in a blocking style.
  package typealias Admit = @convention(c) (_ exchange: UnsafeMutableRawPointer, _ bytes: Int) -> Int32
  /// Carries out a `ResponseAct`; an `Outcome` as a number.
  package typealias Perform =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ act: UnsafeRawPointer
    ) -> Int32
  /// Reads body bytes, blocking; an `Outcome` as a number.
  package typealias Read =
    @convention(c) (
      _ exchange: UnsafeMutableRawPointer, _ buffer: UnsafeMutableRawPointer, _ capacity: Int,
      _ got: UnsafeMutablePointer<Int>
    ) -> Int32
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
  /// What a transport's function returned.
  init(transport raw: Int32) { self = Outcome(rawValue: raw) ?? .io }
}
