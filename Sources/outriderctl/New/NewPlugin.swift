import Control
import Platform

/// A folder with a new plugin: its source, a test, and the file that builds it.
struct NewPlugin {
  private let name: PluginName
  private let template: Template

  /// Makes the folder `name` in the current folder.
  ///
  /// - Parameters:
  ///   - language: such as `c`; nil is refused, with the languages that there are.
  ///   - style: `blocking`, `event` or `async`; nil for the first that the language has.
  static func make(_ name: String, language: String?, style: String?) throws(CommandError) -> NewPlugin {
    let name = try PluginName(name)
    let template = try Template.named(language, style, in: TemplatesFolder.path)
    try TemplateCopy.make(of: template.path, to: name.text, name: name)
    return NewPlugin(name: name, template: template)
  }

  /// The command that builds and serves the plugin.
  private var nextCommand: String { "cd \(name.text) && make run" }

  var text: String {
    """
    \(name.text)/ has a plugin for the language \(template.language), in \(template.style) style. Next:
      \(nextCommand)
    """
  }

  var json: JSON {
    .object([
      JSON.Member("folder", .string(name.text)),
      JSON.Member("language", .string(template.language)),
      JSON.Member("style", .string(template.style)),
      JSON.Member("next", .string(nextCommand)),
    ])
  }
}
