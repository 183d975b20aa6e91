import Platform

/// The name of a new plugin. It becomes the name of its folder, of files, and of a module, crate or package, so it has to be
/// an identifier in every language.
struct PluginName {
  let text: String

  private static let maxLength = 32

  init(_ text: String) throws(CommandError) {
    if let reason = PluginName.fault(of: text) {
      let suggestion = PluginName.suggestion(for: text).map { "; try \"\($0)\"" } ?? ""
      throw CommandError(reason: "new: the name \"\(text)\" \(reason)\(suggestion)", code: .usage)
    }
    self.text = text
  }

  /// What is wrong with a name; nil if nothing is.
  private static func fault(of text: String) -> String? {
    let bytes = text.utf8
    guard let first = bytes.first else { return "is empty" }
    guard isLowercase(first) else { return "does not begin with a letter from a to z" }
    guard bytes.allSatisfy(isAllowed) else { return "has characters other than a to z, 0 to 9 and _" }
    guard bytes.count <= maxLength else { return "is longer than \(maxLength) characters" }
    if ReservedWords.all.contains(text) { return "is a reserved word of a programming language" }
    return nil
  }

  /// A valid name that resembles an invalid one: in lower case, and with _ instead of other characters.
  private static func suggestion(for text: String) -> String? {
    let name = String(decoding: text.lowercased().utf8.map { isAllowed($0) ? $0 : UInt8(ascii: "_") }, as: UTF8.self)
    return fault(of: name) == nil ? name : nil
  }

  private static func isLowercase(_ byte: UInt8) -> Bool { (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) }

  private static func isAllowed(_ byte: UInt8) -> Bool {
    isLowercase(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "_")
  }
}
