/// The extensions that this host has, each in a file of its own.
package enum Extensions {
  package static let all = [config, health, log, loop, metrics, store, websocket]

  /// Their names, as `outrider --version` and `outriderctl inspect` show them.
  package static var names: [String] { all.map { "\($0.name)" } }

  /// `outrider_host.extension`: the table with that name; nil if there is none.
  static func table(named name: UnsafePointer<CChar>?) -> UnsafeRawPointer? {
    guard let name = unsafe name else { return nil }
    for candidate in all where unsafe candidate.isNamed(name) { return unsafe candidate.table }
    return nil
  }
}
