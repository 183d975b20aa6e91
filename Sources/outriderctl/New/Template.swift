import Glibc
import Platform

/// A template of a plugin: the folder `LANGUAGE_STYLE` among the templates.
struct Template {
  let language: String
  let style: String
  let path: String

  private static let styles = ["blocking", "event", "async"]

  /// - Parameter path: the folder of all templates.
  private init?(_ name: String, in path: String) {
    let words = name.split(separator: "_", omittingEmptySubsequences: false).map(String.init)
    guard words.count == 2, !words[0].isEmpty, Template.styles.contains(words[1]) else { return nil }
    guard unsafe access("\(path)/\(name)/Makefile", R_OK) == 0 else { return nil }
    language = words[0]
    style = words[1]
    self.path = "\(path)/\(name)"
  }

  /// The templates in a folder, by language, and by style in the order above.
  static func all(in path: String) -> [Template] {
    FolderEntries.of(path).compactMap { Template($0.name, in: path) }.sorted { $0.order < $1.order }
  }

  private var order: (String, Int) { (language, Template.styles.firstIndex(of: style) ?? 0) }

  /// The template of a language and a style; without a style, the first that the language has.
  static func named(_ language: String?, _ style: String?, in path: String) throws(CommandError) -> Template {
    let templates = all(in: path)
    guard !templates.isEmpty else {
      throw CommandError(
        reason: "new: \(path) has no templates; OUTRIDER_TEMPLATES names another folder", code: .noInput)
    }
    func refusal(_ reason: String) -> CommandError {
      CommandError(reason: "new: \(reason); there are templates for \(listed(templates))", code: .usage)
    }
    guard let language else { throw refusal("expected --lang LANGUAGE") }
    let found = templates.filter { $0.language == language }
    guard let first = found.first else { throw refusal("no template for the language \"\(language)\"") }
    guard let style else { return first }
    guard let template = found.first(where: { $0.style == style }) else {
      throw refusal("no template for \(language) in the style \"\(style)\"")
    }
    return template
  }

  /// `c (blocking, event), go (blocking)`
  private static func listed(_ templates: [Template]) -> String {
    var languages: [(name: String, styles: [String])] = []
    for template in templates {
      if languages.last?.name != template.language { languages.append((template.language, [])) }
      languages[languages.count - 1].styles.append(template.style)
    }
    return languages.map { "\($0.name) (\($0.styles.joined(separator: ", ")))" }.joined(separator: ", ")
  }
}
