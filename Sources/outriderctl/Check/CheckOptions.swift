/// What the command line says of a check.
struct CheckOptions {
  let plugin: String
  /// Of the server: files, and `key=value` of the plugin's table.
  let configuration: [String]
  /// Targets of requests; those of the plugin's mounts if there are none.
  let paths: [String]

  /// Whether a file says which plugins are served, and how.
  var hasFile: Bool { configuration.contains { !CheckOptions.isAssignment($0) } }

  /// As the server tells `key=value` from a file: the key has letters, digits, `-`, `_` and dots.
  private static func isAssignment(_ text: String) -> Bool {
    guard let equals = text.utf8.firstIndex(of: UInt8(ascii: "=")), equals != text.utf8.startIndex else { return false }
    return text.utf8[..<equals].allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
        UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: "."):
        true
      default: false
      }
    }
  }
}
