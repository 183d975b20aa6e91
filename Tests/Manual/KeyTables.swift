import Configuration

/// The keys of the configuration as a manual page has them: a subsection for each table, a list entry for each key.
struct KeyTables {
  let keys: [KeyDocumentation]

  var mdoc: String {
    var lines: [String] = []
    var table = ""
    for key in keys {
      if key.table != table {
        if !table.isEmpty { lines.append(".El") }
        table = key.table
        lines += [".Ss \(Mdoc.text(table))", ".Bl -tag -width Ds"]
      }
      lines.append(".It Ic \(key.leaf)")
      lines += Mdoc.sentences(key.documentation)
      lines += [".br"] + Mdoc.sentences("Value: \(key.form).")
      lines.append(key.defaultValue.map { Mdoc.text("Default: \($0).") } ?? "Required.")
    }
    if !table.isEmpty { lines.append(".El") }
    return lines.joined(separator: "\n") + "\n"
  }
}

/// Plain text as mdoc source.
enum Mdoc {
  /// One line of text that is nothing but text.
  static func text(_ plain: String) -> String {
    var escaped = ""
    for character in plain {
      switch character {
      case "\\": escaped += "\\e"
      case "\"": escaped += "\\(dq"
      case "-": escaped += "\\-"
      default: escaped.append(character)
      }
    }
    return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
  }

  /// A line for each sentence, as mdoc has it: the formatter sets the space between them.
  static func sentences(_ plain: String) -> [String] {
    var lines: [String] = []
    var sentence = ""
    for word in plain.split(separator: " ") {
      sentence += sentence.isEmpty ? word : " \(word)"
      if word.hasSuffix(".") {
        lines.append(text(sentence))
        sentence = ""
      }
    }
    if !sentence.isEmpty { lines.append(text(sentence)) }
    return lines
  }
}
