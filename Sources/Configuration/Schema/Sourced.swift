/// A value of a schema with the origins of its parts.
struct Sourced<Root: Sendable>: Sendable {
  var value: Root
  /// By the name of the key or of a subtable; a missing name means that the default applies.
  var origins: [String: Origin] = [:]
  /// The keys with invalid values, whose stored values are meaningless.
  var invalidKeys: Set<String> = []
  /// The origin of the table itself.
  var origin = Origin.builtIn

  /// The flag that has set a key, if one has.
  func flag(_ key: String) -> Origin? {
    if case .flag? = origins[key] { origins[key] } else { nil }
  }

  func origin(of key: String) -> Origin { origins[key] ?? .builtIn }
}
