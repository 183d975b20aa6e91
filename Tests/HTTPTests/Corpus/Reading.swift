import HTTP

/// A request as it was read, with everything that a plugin would get copied out.
struct ReadRequest: Decodable, Equatable, Sendable {
  var method: String
  var target: String
  var version: String
  /// These three: nil in an expectation that does not care.
  var path: String?
  var query: String?
  var authority: String?
  var headers: [[String]]
  var body: String
  var trailers: [[String]]

  /// Without what `expected` has no word about.
  func reduced(to expected: ReadRequest) -> ReadRequest {
    var reduced = self
    if expected.path == nil { reduced.path = nil }
    if expected.query == nil { reduced.query = nil }
    if expected.authority == nil { reduced.authority = nil }
    return reduced
  }
}

/// What was made of the bytes of a connection.
struct Reading: Equatable {
  enum End: Equatable {
    /// More bytes may follow: behind a whole request, or in the midst of one.
    case waiting(midway: Bool)
    case refused(Refusal)
    /// The last request said that it is the last.
    case closed
  }

  var requests: [ReadRequest] = []
  /// What the head of each said to the server, and how its body was framed; also of one whose body is not complete.
  var traits: [RequestTraits] = []
  var framings: [BodyFraming] = []
  /// A request whose body is not complete, or was refused.
  var unfinished: ReadRequest?
  var end = End.waiting(midway: false)
}
