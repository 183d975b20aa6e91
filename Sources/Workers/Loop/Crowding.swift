import Platform

/// What a worker thinks of its listeners.
enum Attention {
  /// It takes nobody.
  case none
  /// It has no room of its own, and learns of newcomers without keeping them from a worker that has.
  case watching
  /// It takes whom the kernel tells it of.
  case taking
}

/// Whether a worker that shares its listeners is crowded: whom it takes now would wait, for a thread or for a place.
///
/// The principle: most handlers are done in no time, and a pool that is all at work is no reason to do anything. So a
/// pool is crowded when none of its threads has taken a request for a moment, and until one has nothing to do.
struct Crowding {
  /// How long threads are at work before they are crowded.
  static let moment = 5 * Clock.nanosecondsPerMillisecond
  /// How long newcomers are left to others, and how often that is repeated while somebody says to have room.
  static let patience = 10 * Clock.nanosecondsPerMillisecond
  static let mostLooks = 5
  /// How long the word of others counts for nothing when none has taken those who waited.
  static let distrust = Clock.nanosecondsPerSecond

  var isCrowded = false
  /// When it is next seen whether the threads are still at work on the same, and how many requests had been taken before;
  /// `.max` for no time.
  var sampleAt = UInt64.max
  var dequeued: UInt64 = 0
  /// When newcomers that were left to others are looked after, and how often they were; `.max` if there were none.
  var lookAt = UInt64.max
  var looks = 0
  var trustsAgainAt: UInt64 = 0
}
