/// How much a supervisor takes of what a master says. A master keeps well below, whatever its configuration; what goes
/// beyond is a fault of it.
package enum MasterLimits {
  /// Of messages with settings.
  package static let settings = 64
  /// Of listening sockets, and of claims.
  package static let listeners = 4096
  package static let plugins = 4096
  /// Of what it says of its plugins, in bytes.
  package static let notices = 256 << 10
  /// Of workers that serve; with their replacements, and with what is added later, there is room for `slots`.
  package static let workers = 1024
  package static let slots = 2 * (workers + spareWorkers)
  /// For so many workers more than it begins with a generation has room.
  package static let spareWorkers = 16
  /// By how many workers a service has more or fewer than configured.
  package static let scale = 1024
  /// The longest text that says what a master does, in bytes, and the longest that says why it fails.
  package static let step = 256
  package static let failure = 2048
  /// The largest configuration that is shown.
  package static let configuration = 1 << 20
  /// Messages of a kind that this version does not know: a later one may have sent them.
  package static let unknown = 64
  /// Messages at once, and in a second over a long time. A thousand workers that come and go at once say less.
  package static let burst = 16_384
  package static let rate = 4096
  /// Messages that are read before something else has its turn.
  package static let turn = 64
  /// Messages that are read of a master that has ended: more than its line holds, whatever size it has given to the pipe, of
  /// which each message takes a page (pipe(7)). And how long that may take, since somebody else may go on to fill it.
  package static let lastWords = 512
  package static let lastWordsTime = 100 * Clock.nanosecondsPerMillisecond

  /// How many workers a generation begins with: at least one.
  package static func workers(configured: Int, scale: Int) -> Int {
    min(max(1, configured.addingReportingOverflow(scale).partialValue), workers)
  }

  /// The number within what a service may be scaled by.
  package static func clamped(scale: Int) -> Int { min(max(scale, -Self.scale), Self.scale) }
}
