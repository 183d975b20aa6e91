/// A value of a schema with where its parts came from.
struct Traced<Root: Sendable>: Sendable {
  var value: Root
  /// By the name of the key, or of a table within; what is missing has its default.
  var origins: [String: Origin] = [:]
  /// The keys whose values were refused: what is stored for them says nothing.
  var faulty: Set<String> = []
  /// Of the table itself.
  var origin = Origin.builtIn

  func origin(of key: String) -> Origin { origins[key] ?? .builtIn }
}
