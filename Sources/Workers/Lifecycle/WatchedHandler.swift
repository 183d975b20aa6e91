import Platform
import Synchronization

/// The handler that the loop of a sync worker runs, and what `HandlerWatch` has noted meanwhile. The loop receives no
/// messages until the handler has returned.
struct WatchedHandler: ~Copyable {
  /// The request whose handler runs, as a number, with a bit that is set while another thread looks at it; 0 for none.
  private let running = Atomic<UInt>(0)
  /// The length of standstills while a handler ran.
  private let foundStandstill = Atomic<UInt64>(0)
  /// When a worker without a master has to exit; 0 if unknown.
  private let foundMoment = Atomic<UInt64>(0)
  private let cut = Atomic<Bool>(false)

  /// The handler has been told that its time is over, and no further one begins.
  var isCut: Bool { cut.load(ordering: .relaxed) }
  var found: (moment: UInt64, standstill: UInt64) {
    (foundMoment.load(ordering: .relaxed), foundStandstill.load(ordering: .relaxed))
  }

  /// [loop] Runs the handler of a request, which `visit` can see meanwhile.
  func run(_ request: Request, _ handler: () -> Bool) -> Bool {
    let number = unsafe UInt(bitPattern: request.raw)
    running.store(number, ordering: .releasing)
    let succeeded = handler()
    while !running.compareExchange(expected: number, desired: 0, ordering: .acquiringAndReleasing).exchanged {
      Thread.yield()
    }
    return succeeded
  }

  /// [watch] Calls `body` with the request whose handler runs, if any. The request does not end meanwhile.
  func visit(_ body: (Request) -> Void) {
    let number = running.load(ordering: .acquiring)
    guard number != 0, let address = unsafe UnsafeMutableRawPointer(bitPattern: number),
      running.compareExchange(expected: number, desired: number | 1, ordering: .acquiringAndReleasing).exchanged
    else { return }
    body(unsafe Request(raw: address))
    running.store(number, ordering: .releasing)
  }

  /// [watch]
  func setMoment(_ moment: UInt64) { foundMoment.store(moment, ordering: .relaxed) }
  func addStandstill(_ length: UInt64) { foundStandstill.wrappingAdd(length, ordering: .relaxed) }
  func setCut() { cut.store(true, ordering: .relaxed) }
}
