import Platform

/// What a client has got for a request.
enum ClientOutcome: Equatable {
  case answered(status: Int)
  /// The connection, or the stream, ended before a byte came.
  case none
  /// It ended within the response.
  case cut
  /// There was no whole response in time.
  case late
  /// What came is no HTTP.
  case malformed

  /// What is wrong with that; nil if nothing is.
  var fault: String? {
    switch self {
    // That a method or a version is not there is an answer like any other.
    case .answered(501), .answered(505): nil
    case .answered(let status): status >= 500 ? "the answer is \(status)" : nil
    case .none: "there is no answer"
    case .cut: "the answer is cut off"
    case .late: "the answer is not complete within \(CheckWait.patience / Clock.nanosecondsPerSecond) s"
    case .malformed: "the answer is no HTTP"
    }
  }
}
